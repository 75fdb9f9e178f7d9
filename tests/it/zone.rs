//! Which names are zones.

use crate::database::Database;
use expect_test::expect;

#[tokio::test]
async fn areas_and_utc_are_zones_in_any_case() {
    let db = Database::fresh().await;
    db.check(
        "select name, dialer.is_zone(name), dialer.canonical_zone(name)
         from unnest(array['america/new_york', 'Europe/Berlin', 'AMERICA/ARGENTINA/BUENOS_AIRES', 'utc', 'GMT', 'Etc/UTC']) name",
        expect![[r#"
            america/new_york | t | America/New_York
            Europe/Berlin | t | Europe/Berlin
            AMERICA/ARGENTINA/BUENOS_AIRES | t | America/Argentina/Buenos_Aires
            utc | t | UTC
            GMT | t | GMT
            Etc/UTC | t | Etc/UTC"#]],
    )
    .await;
}

#[tokio::test]
async fn abbreviations_offsets_and_paths_are_no_zones() {
    let db = Database::fresh().await;
    db.check(
        "select name, dialer.canonical_zone(name)
         from unnest(array['CET', 'EET', 'MET', 'WET', 'EST', 'EST5EDT', 'FOO+3', '+02', 'localtime', 'posix/Europe/Berlin',
                           'right/Europe/Berlin', 'Europe', 'Europe/', '/etc/passwd', '../zoneinfo/UTC', 'Europe/Berlin ', '']) name
         where dialer.is_zone(name)",
        expect![""],
    )
    .await;
}

#[tokio::test]
async fn every_zone_of_the_server_is_named_as_the_server_names_it() {
    let db = Database::fresh().await;
    db.check(
        "select name from pg_timezone_names
         where name like '%/%' and name !~ '^(posix|right|SystemV)/'
           and dialer.canonical_zone(lower(name)) is distinct from name",
        expect![""],
    )
    .await;
}
