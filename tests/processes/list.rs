//! Lists as they come: wrong letters, wrong rows, the same person twice.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use dialer_tests::rehearsal::Rehearsal;
use std::path::{Path, PathBuf};

/// Latin-1, semicolons, CRLF, quotes; what is wrong is said in the last column.
const DIRTY: &str = "id;Name;Telefon;E-Mail;tz;state;status;Anmerkung\r\n\
    a;\"Müller; Jörg\";(212) 555-0101;;America/New_York;NY;new;gut\r\n\
    b;\"genannt \"\"Bibi\"\"\";+12125550102;b@example.com;;NY;;\"gut,\r\nin zwei Zeilen\"\r\n\
    c;Kurz;12345;;;NY;;keine Nummer\r\n\
    d;Jörg;212-555-0101;;;;DNC;doppelt\r\n\
    e;zu;wenig\r\n\
    f;zu;viel;;;;;;\r\n\
    g;\"offen;+12125550106;;;NY;;\r\n\
    h;\"x\"y;+12125550108;;;NY;;\r\n\
    \r\n\
    i;leer;;;;;;\r\n\
    j;Käufer;+12125550109;;;NY;SALE;\r\n\
    k;=1+1;+12125550110;;Mars/Olympus;NY;vielleicht;\r\n";

const REASONS: &str = "line,column,value,reason
2,row,,\"note: the number is on the do-not-call list: kept, not enrolled\"
5,phone,12345,invalid phone number: short code
6,phone,+12125550101,\"note: same as in line 2: merged, the first line wins\"
6,row,,\"note: the number is on the do-not-call list: kept, not enrolled\"
7,,e;zu;wenig,\"3 fields, the header has 8\"
8,,f;zu;viel;;;;;;,\"9 fields, the header has 8\"
9,,\"g;\"\"offen;+12125550106;;;NY;;\",a quote is not closed
10,,\"h;\"\"x\"\"y;+12125550108;;;NY;;\",text follows a closing quote
12,phone,,neither a phone number nor an e-mail address
13,status,,\"note: a sale was made before: kept, not enrolled\"
14,status,vielleicht,note: not a known status: ignored
14,tz,Mars/Olympus,\"note: not a known time zone, America/New_York used instead\"
";

const STORED: &str = "select (select count(*) from dialer.import) + (select count(*) from dialer.import_row)
    + (select count(*) from dialer.import_line) + (select count(*) from dialer.contact) + (select count(*) from dialer.endpoint)
    + (select count(*) from dialer.call) + (select count(*) from dialer.do_not_call)";

async fn open(name: &str) -> Rehearsal {
    let rehearsal = begin(name, 1.0, &[]).await;
    rehearsal
        .db
        .batch_execute(
            "select dialer.create_campaign('spring', 'voice', 'Mo-Fr 11:00-20:00');
             select dialer.create_campaign('mails', 'mail', '24/7', tz => 'UTC', policy => 'once')",
        )
        .await
        .unwrap();
    rehearsal
}

fn write(rehearsal: &Rehearsal, name: &str, bytes: &[u8]) -> PathBuf {
    let path = rehearsal.dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn import(rehearsal: &Rehearsal, file: &Path, flags: &[&str]) -> (String, i32) {
    let file = file.to_string_lossy();
    rehearsal.dialerd(&[&["import", &*file], flags].concat()).unwrap()
}

/// The sums as printed, without their labels.
fn sums(printed: &str) -> Vec<i64> {
    let last = |line: &str| line.split_whitespace().last()?.parse().ok();
    printed.lines().filter(|line| line.len() == 44).filter_map(last).collect()
}

// R144, R147
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dirty_list_is_taken_in_as_far_as_it_is_good() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let rehearsal = open("dirty").await;
    let latin1: Vec<u8> = DIRTY.chars().map(|letter| u8::try_from(letter).unwrap()).collect();
    let file = write(&rehearsal, "dirty.csv", &latin1);
    let expected = vec![11, 4, 0, 1, 6, 1, 2];
    let (printed, code) = import(&rehearsal, &file, &["--campaign", "spring", "--dry-run"]);
    assert_eq!((sums(&printed), code), (expected.clone(), 0), "{printed}");
    assert!(printed.contains("dry run, nothing was changed"), "{printed}");
    assert_eq!(number(&rehearsal, STORED).await, 0);
    let rehearsed = std::fs::read_to_string(rehearsal.dir.join("dirty.errors.csv")).unwrap();
    let (printed, code) = import(&rehearsal, &file, &["--campaign", "spring"]);
    assert_eq!((sums(&printed), code), (expected, 0), "{printed}");
    let reasons = std::fs::read_to_string(rehearsal.dir.join("dirty.errors.csv")).unwrap();
    assert_eq!(reasons, rehearsed);
    assert_eq!(reasons, REASONS);
    // The same list again adds nothing.
    let before = number(&rehearsal, "select count(*) from dialer.call").await;
    let (printed, _) = import(&rehearsal, &file, &["--campaign", "spring"]);
    assert_eq!(sums(&printed), vec![11, 0, 4, 1, 6, 1, 0], "{printed}");
    assert_eq!(number(&rehearsal, "select count(*) from dialer.call").await, before);
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_order_mark_is_no_part_of_the_first_column() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let rehearsal = open("mark").await;
    let file = write(
        &rehearsal,
        "mark.csv",
        "\u{feff}phone,state,Ort\r\n+12125550101,NY,Köln\r\n".as_bytes(),
    );
    let (printed, code) = import(&rehearsal, &file, &["--campaign", "spring"]);
    assert_eq!((sums(&printed), code), (vec![1, 1, 0, 0, 0, 0, 1], 0), "{printed}");
    assert!(!rehearsal.dir.join("mark.errors.csv").exists());
    let town = "select count(*) from dialer.contact where attributes = '{\"Ort\": \"Köln\"}'";
    assert_eq!(number(&rehearsal, town).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_plan_may_import() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let rehearsal = open("planner").await;
    let role = format!("planner_of_{}", std::process::id());
    let made = format!("create role {role} login password 'plan' in role dialer_user");
    rehearsal.db.batch_execute(&made).await.unwrap();
    let (_, server) = rehearsal.url.split_once('@').unwrap();
    let url = format!("postgres://{role}:plan@{server}");
    let file = write(&rehearsal, "planner.csv", b"phone,state\n+12125550101,NY\n12345,NY\n");
    for flags in [&["--dry-run"][..], &[]] {
        let arguments = [&["import", &*file.to_string_lossy(), "--campaign", "spring"], flags];
        let mut program = rehearsal.program(&arguments.concat());
        let output = program.env("DIALERD_DATABASE_URL", &url).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(sums(&printed), vec![2, 1, 0, 0, 1, 0, 1], "{output:?}");
    }
    assert_eq!(number(&rehearsal, "select count(*) from dialer.call").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_without_the_columns_is_refused_with_those_that_it_has() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let rehearsal = open("columns").await;
    let file = write(&rehearsal, "columns.csv", b"name,city\nAda,Paris\n");
    let (printed, code) = import(&rehearsal, &file, &[]);
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("columns found: \"name\", \"city\""), "{printed}");
    let (printed, code) = import(&rehearsal, &file, &["--map", "phone=Telephone"]);
    assert_eq!(code, 2, "{printed}");
    assert!(
        printed.contains("no column \"Telephone\"") && printed.contains("\"city\""),
        "{printed}"
    );
    let (printed, code) = import(&rehearsal, &write(&rehearsal, "empty.csv", b""), &[]);
    assert!(code == 2 && printed.contains("the file is empty"), "{printed}");
    let (printed, code) = import(&rehearsal, &rehearsal.dir.join("none.csv"), &[]);
    assert!(code == 2 && printed.contains("none.csv cannot be read"), "{printed}");
    assert_eq!(number(&rehearsal, STORED).await, 0);
}

// R159
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_over_many_chunks_is_exact_and_one_that_is_killed_leaves_nothing() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let rehearsal = open("chunks").await;
    let mut list = String::from("email,status\n");
    for index in 0..12_000 {
        list.push_str(&format!("c{index}@example.com,new\n"));
    }
    list.push_str("c0@example.com,DNC\nc1@example.com,SALE\nC2@example.com,new\n");
    let file = write(&rehearsal, "chunks.csv", list.as_bytes());
    let flags = ["--campaign", "mails", "--dry-run"];
    let mut child = rehearsal
        .program(&[&["import", &*file.to_string_lossy()], &flags[..]].concat())
        .spawn()
        .unwrap();
    until(
        &rehearsal,
        "select exists (select from pg_stat_activity where application_name = 'dialerd'
        and datname = current_database() and query ~ 'import_contacts')",
    )
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    until(
        &rehearsal,
        "select not exists (select from pg_stat_activity where application_name = 'dialerd'
        and datname = current_database())",
    )
    .await;
    assert_eq!(number(&rehearsal, STORED).await, 0);
    let expected = vec![12_003, 12_000, 0, 3, 0, 1, 11_998];
    let (printed, code) = import(&rehearsal, &file, &flags);
    assert_eq!((sums(&printed), code), (expected.clone(), 0), "{printed}");
    assert_eq!(number(&rehearsal, STORED).await, 0);
    let (printed, code) = import(&rehearsal, &file, &flags[..2]);
    assert_eq!((sums(&printed), code), (expected, 0), "{printed}");
    let waiting = "select count(*) from dialer.call where state = 'scheduled'";
    assert_eq!(number(&rehearsal, waiting).await, 11_998);
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}

const HOLIDAYS: &str = "\u{feff}# office\r\n2026-12-24..2026-12-26 Christmas\r\n2026-12-26 again\r\n24.12.2026\r\n\
    2026-02-30 no such day\r\n2027-01-02..2027-01-01\r\n2027-01-01, New Year\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holidays_come_from_a_file_of_dates_or_a_calendar() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let rehearsal = open("holidays").await;
    let flags = ["closures", "import", "--calendar", "campaign spring"];
    let take = |file: &Path, more: &[&str]| {
        rehearsal.dialerd(&[&flags[..], more, &[&file.to_string_lossy()]].concat()).unwrap()
    };
    let stored = "select count(*) from dialer.closure";
    let file = write(&rehearsal, "holidays.txt", HOLIDAYS.as_bytes());
    let (printed, code) = take(&file, &["--dry-run"]);
    assert_eq!((sums(&printed), code), (vec![4, 1, 0, 3], 2), "{printed}");
    assert_eq!(number(&rehearsal, stored).await, 0);
    let (printed, code) = take(&file, &[]);
    assert_eq!((sums(&printed), code), (vec![4, 1, 0, 3], 2), "{printed}");
    let reasons: Vec<&str> =
        printed.lines().filter_map(|line| line.split("holidays.txt:").nth(1)).collect();
    let form = "a date is written 2026-12-24, a range 2026-12-24..2026-12-26";
    assert_eq!(
        reasons,
        [
            &*format!("4: invalid: \"24.12.2026\": {form}"),
            "5: invalid: \"2026-02-30 no such day\": there is no such date",
            "6: invalid: \"2027-01-02..2027-01-01\": the range ends before it begins",
        ]
    );
    let calendar = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20270101\nEND:VEVENT\nBEGIN:VEVENT\nDTSTART:20270704\nEND:VEVENT\nEND:VCALENDAR";
    let file = write(&rehearsal, "holidays.ics", calendar.as_bytes());
    let (printed, code) = take(&file, &["--kind", "closed", "--until", "2028-12-31"]);
    assert_eq!((sums(&printed), code), (vec![1, 1, 0, 0], 0), "{printed}");
    assert_eq!(number(&rehearsal, stored).await, 5);
    let loaded =
        "select count(*) from dialer.closure_range where loaded = '{[2026-01-01,2029-01-01)}'";
    assert_eq!(number(&rehearsal, loaded).await, 1);
    let (printed, code) = take(&write(&rehearsal, "bad.ics", b"BEGIN:VCALENDAR\n"), &[]);
    assert!(code == 2 && printed.contains("invalid calendar at line 1"), "{printed}");
    let (printed, code) = take(&write(&rehearsal, "latin.txt", b"\n2026-12-24 Mari\xe4\n"), &[]);
    assert!(code == 2 && printed.contains("latin.txt:2: there are bytes"), "{printed}");
    let (printed, code) = rehearsal
        .dialerd(&["closures", "import", "--calendar", "nowhere", &file.to_string_lossy()])
        .unwrap();
    assert!(code != 0 && printed.contains("nowhere"), "{printed}");
}

// R192, R202: a report is saved to a file that others can read, and watched while it changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_saved_to_a_file_and_watched() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let rehearsal = open("report").await;
    let planned = "select count(dialer.schedule_call('spring', n, tz => 'America/New_York')) from unnest('{+12125550101,+12125550102}'::text[]) n";
    rehearsal.db.batch_execute(planned).await.unwrap();
    let file = rehearsal.dir.join("totals.csv");
    let name = file.to_string_lossy().into_owned();
    let totals = ["report", "totals", "--campaign", "spring", "--csv", "--output", &name];
    assert_eq!(rehearsal.dialerd(&totals).unwrap(), (String::new(), 0));
    let saved = std::fs::read_to_string(&file).unwrap();
    assert!(saved.starts_with("measure,calls,definition\ntotal_leads,2,"), "{saved}");
    for arguments in [
        &["report", "volume", "spring", "--added", "848"][..],
        &["report", "range", "--from", "2026-01-01T00:00:00Z", "--to", "2027-01-01T00:00:00Z"],
        &["report", "history", "--contact", "nobody", "--rows", "5"],
    ] {
        let (printed, code) = rehearsal.dialerd(arguments).unwrap();
        assert_eq!(code, 0, "{arguments:?}: {printed}");
    }
    let (printed, _) =
        rehearsal.dialerd(&["report", "volume", "spring", "--added", "848"]).unwrap();
    assert!(
        printed.lines().any(|line| line.contains("calls_a_day ") && line.contains("6800")),
        "{printed}"
    );
    watched(&rehearsal);
}

/// The report is printed each second until it is stopped, or nobody reads it any more.
fn watched(rehearsal: &Rehearsal) {
    for is_stopped in [true, false] {
        let mut program =
            rehearsal.program(&["report", "totals", "--campaign", "spring", "--every", "1"]);
        program.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = program.spawn().unwrap();
        let reader = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut lines = std::io::BufRead::lines(reader).map(Result::unwrap);
        for _ in 0..2 {
            assert!(lines.any(|line| line.contains("total_leads")), "it is printed twice");
        }
        if is_stopped {
            let pid = child.id().to_string();
            let stopped = std::process::Command::new("kill").args(["-TERM", &pid]).status();
            assert!(stopped.unwrap().success());
        }
        drop(lines);
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success() && !said.contains("panic"), "{said}");
    }
}
