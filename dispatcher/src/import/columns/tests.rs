//! Tests of the mapping.

use super::*;

fn header(names: &str) -> Vec<String> {
    names.split(',').map(str::to_owned).collect()
}

fn found(names: &str, stated: &[&str]) -> Result<String, Error> {
    let header = header(names);
    let stated: Vec<String> = stated.iter().map(|part| (*part).to_owned()).collect();
    find(&header, &stated).map(|columns| columns.described(&header))
}

// R150
#[test]
fn usual_headers_are_understood_whatever_their_case() {
    assert_eq!(
        found("Full Name,PHONE-Number,Time Zone,Notes", &[]),
        Ok("name = Full Name, phone = PHONE-Number, tz = Time Zone".to_owned())
    );
}

// R150: the headers of lists of exams, patients, leads and contacts; a clinic's name is nobody's.
#[test]
fn lists_name_people_in_many_ways() {
    for (names, understood) in [
        (
            "exam_id,Employee Name,Employee DOB,Phone,Clinic Name",
            "name = Employee Name, phone = Phone",
        ),
        (
            "Patient Name,Phone Number,State",
            "name = Patient Name, phone = Phone Number, state = State",
        ),
        ("Contact Name,Phone,Address", "name = Contact Name, phone = Phone"),
        ("Lead Name,phone_number", "name = Lead Name, phone = phone_number"),
        ("Lead,Lead Name,Phone", "name = Lead Name, phone = Phone"),
    ] {
        assert_eq!(found(names, &[]).as_deref(), Ok(understood));
    }
    let columns = find(&header("exam_id,Employee Name,Employee DOB,Phone,Clinic Name"), &[]);
    let attributes = columns.expect("a phone").attributes;
    let kept: Vec<&str> = attributes.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(kept, ["exam_id", "Employee DOB", "Clinic Name"]);
}

#[test]
fn what_is_stated_counts_before_what_is_understood() {
    assert_eq!(
        found("phone,Telefon,Name", &["phone=Telefon"]),
        Ok("name = Name, phone = Telefon".to_owned())
    );
}

#[test]
fn a_missing_column_is_named_with_a_hint_and_with_those_found() {
    let error = found("Telefon,Name", &["phone=telefon"]).expect_err("another case");
    assert_eq!(
        error.to_string(),
        "there is no column \"telefon\", did you mean \"Telefon\"?; columns found: \"Telefon\", \"Name\""
    );
    assert!(matches!(found("a,b", &[]), Err(Error::NoAddress { .. })));
    assert!(matches!(found("phone", &["fon=phone"]), Err(Error::Malformed(_))));
    assert!(matches!(found("phone,phone", &["phone=phone"]), Err(Error::Twice(_))));
}

#[test]
fn other_columns_become_attributes() {
    let columns = find(&header("phone,Plan,"), &[]).expect("a phone");
    assert_eq!(columns.attributes, [(1, "Plan".to_owned()), (2, "column_3".to_owned())]);
}
