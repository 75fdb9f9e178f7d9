//! Where somebody is: zones by what was stated, the state and the number.

use crate::database::Database;
use expect_test::expect;

// R051, D6
#[tokio::test]
async fn zones_come_from_the_best_source_with_how_sure_they_are() {
    let db = Database::fresh().await;
    db.check(
        "select array_to_string(r.zones, '+'), r.source, r.confidence
         from (values ('europe/berlin', 'TX', '+12125550123'), ('US/Eastern', null, null), ('America/New_York, America/Chicago', null, null),
                      ('EST', 'us-tn', null), (' ', 'CA-NS', null), (null, 'CA', '+12125550123'), (null, null, '+13645550123'),
                      (null, 'nowhere', '+18005550123'), (null, null, '+19005550123'), (null, null, '+15005550123'),
                      (null, null, '+447911123456'), (null, null, 'no number'), (null, null, null)) v(stated, state, phone)
         cross join dialer.resolve_zone(v.stated, v.state, v.phone) r",
        expect![[r#"
            Europe/Berlin | stated | high
            America/New_York | stated | high
            America/Chicago+America/New_York | stated | high
            America/New_York | stated | medium
            America/Glace_Bay+America/Halifax | state | medium
            America/Los_Angeles | state | high
            America/Chicago+America/New_York | number | low
             | unknown | none
             | unknown | none
             | unknown | none
             | unknown | none
             | unknown | none
             | unknown | none"#]],
    )
    .await;
}

#[tokio::test]
async fn an_overlay_is_where_the_area_code_is_that_it_overlays() {
    let db = Database::fresh().await;
    db.check(
        "select parent, overlay from (values (270, 364), (812, 930), (541, 458), (850, 448), (423, 729), (418, 367), (418, 581),
                (250, 236), (250, 257), (250, 672), (250, 778), (709, 879), (208, 986)) v(parent, overlay)
         where (select r.zones from dialer.resolve_zone(phone => format('+1%s5550123', parent)) r)
            <> (select r.zones from dialer.resolve_zone(phone => format('+1%s5550123', overlay)) r)
            or cardinality((select r.zones from dialer.resolve_zone(phone => format('+1%s5550123', parent)) r)) < 2",
        expect![""],
    )
    .await;
}

#[tokio::test]
async fn every_zone_that_a_number_or_state_gives_is_known_to_this_server() {
    let db = Database::fresh().await;
    db.check(
        "select code, z from generate_series(200, 999) code, unnest(dialer.zones_of(format('+1%s5550123', code))) z where not dialer.is_zone(z)",
        expect![""],
    )
    .await;
}
