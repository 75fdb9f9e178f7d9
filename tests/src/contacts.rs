//! A realistic contact list: people in seven zones, and the dirty rows that every real list has.
//!
//! Made, not stored: the same numbers every time (all of the fictional 555-01xx range), with the
//! truth about each beside it, so that a judge need not ask the database where somebody lives.

use chrono_tz::Tz;

/// Where people live: area code, state, city, zone. Each area code has 100 fictional numbers.
const PLACES: [(&str, &str, &str, Tz); 14] = [
    ("212", "NY", "New York", chrono_tz::America::New_York),
    ("617", "MA", "Boston", chrono_tz::America::New_York),
    ("404", "GA", "Atlanta", chrono_tz::America::New_York),
    ("312", "IL", "Chicago", chrono_tz::America::Chicago),
    ("214", "TX", "Dallas", chrono_tz::America::Chicago),
    ("504", "LA", "New Orleans", chrono_tz::America::Chicago),
    ("303", "CO", "Denver", chrono_tz::America::Denver),
    ("801", "UT", "Salt Lake City", chrono_tz::America::Denver),
    ("602", "AZ", "Phoenix", chrono_tz::America::Phoenix),
    ("310", "CA", "Los Angeles", chrono_tz::America::Los_Angeles),
    ("206", "WA", "Seattle", chrono_tz::America::Los_Angeles),
    ("503", "OR", "Portland", chrono_tz::America::Los_Angeles),
    ("907", "AK", "Anchorage", chrono_tz::America::Anchorage),
    ("808", "HI", "Honolulu", chrono_tz::Pacific::Honolulu),
];
const FIRST: [&str; 16] = [
    "Ada", "Ben", "Carla", "Dov", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kavya",
    "Liam", "Mara", "Nils", "Olga", "Priya",
];
const LAST: [&str; 12] = [
    "Ahmadi", "Brown", "Castillo", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito",
    "Jensen", "Kowalski", "O'Neill",
];

/// A person of the list as they really are.
#[derive(Debug, Clone)]
pub struct Person {
    pub number: String,
    pub zone: Tz,
    /// Their own word in the list: they must not be called.
    pub opted_out: bool,
}

/// A list as a file, and the truth about it.
pub struct ContactList {
    pub csv: String,
    pub people: Vec<Person>,
    /// Data rows, the dirty ones included.
    pub rows: usize,
}

/// `count` people, and about a tenth as many dirty rows spread among them.
pub fn contact_list(count: usize) -> ContactList {
    let mut csv = String::from("id,name,phone,email,tz,state,status,city\r\n");
    let mut people = Vec::with_capacity(count);
    let mut rows = 0;
    for index in 0..count {
        people.push(write_person(&mut csv, index));
        rows += 1;
        if index % 12 == 11 {
            csv.push_str(&dirty_row(index / 12, &people[index]));
            rows += 1;
        }
    }
    // A duplicate of the third person says what the first mention did not: do not call.
    people[2].opted_out = true;
    csv.push_str(&format!("dup-3,,{},,,,DNC,\r\n", national(&people[2].number)));
    ContactList { csv, people, rows: rows + 1 }
}

fn write_person(csv: &mut String, index: usize) -> Person {
    let (area, state, city, zone) = PLACES[index % PLACES.len()];
    let number = format!("+1{area}55501{:02}", index / PLACES.len() % 100);
    let name = format!("{} {}", FIRST[index % FIRST.len()], LAST[index % LAST.len()]);
    let opted_out = index % 53 == 17;
    // Lists know the zone in different ways; Arizona's area code alone leaves two open.
    let (tz, state) = match index % 3 {
        0 => (zone.name(), state),
        1 => (zone.name(), ""),
        _ if area == "602" => (zone.name(), state),
        _ => ("", state),
    };
    let status = if opted_out { "DNC" } else { "new" };
    csv.push_str(&format!(
        "p{index},\"{name}\",{},p{index}@example.com,{tz},{state},{status},\"{city}, {area}\"\r\n",
        spelled(&number, index)
    ));
    Person { number, zone, opted_out }
}

/// The same number as different people write it.
fn spelled(number: &str, index: usize) -> String {
    match index % 4 {
        0 => number.to_string(),
        1 => national(number),
        2 => format!("{}-{}-{}", &number[2..5], &number[5..8], &number[8..12]),
        _ => format!("1.{}.{}.{}", &number[2..5], &number[5..8], &number[8..12]),
    }
}

fn national(number: &str) -> String {
    format!("({}) {}-{}", &number[2..5], &number[5..8], &number[8..12])
}

fn dirty_row(nth: usize, before: &Person) -> String {
    match nth % 8 {
        0 => format!("bad{nth},Short Number,12345,,America/New_York,NY,new,\r\n"),
        1 => format!("dup{nth},Twice Listed,{},,,,new,\r\n", national(&before.number)),
        2 => format!("tollfree{nth},No Zone,800-555-0{},,Mars/Olympus_Mons,,new,\r\n", 100 + nth),
        3 => format!("words{nth},No Number,call me maybe,,America/Chicago,IL,new,\r\n"),
        4 => format!("empty{nth},Nobody,,,America/Denver,CO,new,\r\n"),
        5 => format!(
            "fields{nth},Too Many,+12125550199,,America/New_York,NY,new,City,extra,cells\r\n"
        ),
        6 => {
            format!("odd{nth},Odd Status,+1212555018{},,America/New_York,NY,perhaps,\r\n", nth % 10)
        }
        _ => format!("mail{nth},Bad Mail,,not-an-address,America/New_York,NY,new,\r\n"),
    }
}
