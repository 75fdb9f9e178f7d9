use super::*;

fn written(json: &str) -> Result<(String, String), String> {
    let hours: BusinessHours = serde_json::from_str(json).map_err(|error| error.to_string())?;
    hours.written("Asia/Kolkata").map_err(|refusal| format!("{refusal:?}"))
}

// R047, R178: the hours of the source, and its defaults.
#[test]
fn business_hours_are_hours_of_the_dialer() {
    let kolkata = |hours: &str| Ok((hours.to_owned(), "Asia/Kolkata".to_owned()));
    assert_eq!(
        written(r#"{"start":"09:00","end":"18:00"}"#),
        kolkata("Mo,Tu,We,Th,Fr 09:00-18:00")
    );
    assert_eq!(
        written(r#"{"start":"9:30","end":"24:00","daysOfWeek":[0,6,7]}"#),
        kolkata("Su,Sa 09:30-24:00")
    );
    assert_eq!(
        written(r#"{"start":"22:00","end":"02:00","timezone":"UTC","daysOfWeek":[5]}"#),
        Ok(("Fr 22:00-02:00".to_owned(), "UTC".to_owned()))
    );
}

#[test]
fn hours_that_are_none_are_refused() {
    for bad in [
        r#"{"start":"09:00","end":"09:00"}"#,
        r#"{"start":"24:00","end":"09:00"}"#,
        r#"{"start":"9","end":"18:00"}"#,
        r#"{"start":"09:00","end":"25:00"}"#,
        r#"{"start":"09:60","end":"18:00"}"#,
        r#"{"start":"09:00","end":"18:00","daysOfWeek":[8]}"#,
        r#"{"start":"09:00","end":"18:00","daysOfWeek":[]}"#,
    ] {
        assert!(written(bad).is_err(), "{bad}");
    }
}

// R040
#[test]
fn priorities_have_names_and_numbers() {
    for (json, number) in [(r#""high""#, 1), (r#""medium""#, 5), (r#""low""#, 10), ("3", 3)] {
        let priority: Priority = serde_json::from_str(json).expect("a priority");
        assert_eq!(priority.number().ok(), Some(number));
    }
    assert!(serde_json::from_str::<Priority>(r#""urgent""#).is_err());
    assert!(Priority::Number(0).number().is_err() && Priority::Number(101).number().is_err());
}
