use super::*;

#[test]
fn every_day_of_twelve_centuries_goes_there_and_back() {
    let (first, last) = (date_of(1600, 1, 1).unwrap(), date_of(2800, 12, 31).unwrap());
    let mut expected = (1600, 1, 1);
    for date in first..=last {
        assert_eq!(ymd_of(date), expected);
        assert_eq!(date_of(expected.0, expected.1, expected.2), Some(date));
        expected = following(expected);
    }
}

fn following((year, month, day): (i32, u32, u32)) -> (i32, u32, u32) {
    if day < month_days(year, month) {
        (year, month, day + 1)
    } else if month < 12 {
        (year, month + 1, 1)
    } else {
        (year + 1, 1, 1)
    }
}

#[test]
fn the_ends_of_the_integer_do_not_wrap() {
    for date in [i32::MIN, i32::MAX] {
        let (year, month, day) = ymd_of(date);
        assert_eq!(date_of(year, month, day), Some(date));
        assert!(weekday_of(date) < 7);
    }
    assert_eq!(date_of(i32::MAX, 1, 1), None);
}

#[test]
fn a_set_of_dates_finds_what_a_scan_finds_however_they_are_spread() {
    let spread = |step: i32| (0..400).map(move |i| i * step - 7000).collect::<Vec<i32>>();
    let lists = [
        vec![],
        vec![5],
        vec![-2_451_545, 106_751_983],
        [spread(1), vec![106_751_983, -2_451_545]].concat(),
        spread(1),
        spread(33),
        spread(365),
        (0..60).map(|i| i * i * i).collect(),
    ];
    for list in lists {
        let set: DateSet = list.iter().copied().collect();
        let near = list.iter().flat_map(|date| [date - 1, *date, date + 1]);
        for date in near.chain([i32::MIN, -1, 0, 1, i32::MAX]) {
            let before = list.iter().filter(|known| **known < date).count();
            assert_eq!(set.index_from(date), before, "{date}");
            assert_eq!(set.contains(date), list.contains(&date), "{date}");
        }
    }
}
