//! A provider that admits fewer calls at once than our account says.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, schedule, sound, time, until};
use dialer_tests::contacts::contact_list;

// R021, R226, C2: and whatever is logged on the way, in full, names nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_the_provider_finds_too_many_cost_nobody_an_attempt() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let people: Vec<_> =
        contact_list(20).people.into_iter().filter(|person| !person.opted_out).collect();
    // A minute in a second: the account rests in real seconds.
    let mut rehearsal = begin("over_limit", 60.0, &["--talk", "60..120", "--ring", "5..10"]).await;
    rehearsal
        .db
        .batch_execute(
            "update dialer.provider_account set max_concurrent = 8;
             select dialer.create_campaign('once', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('once')",
        )
        .await
        .unwrap();
    schedule(&rehearsal, "once", &people).await;
    let named = "update dialer.contact set name = 'Quetzal Quill ' || contact_id";
    rehearsal.db.batch_execute(named).await.unwrap();
    rehearsal.log("trace");
    rehearsal.start_dispatcher().await.unwrap();
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    let refused = "select count(*) from dialer.attempt where outcome = 'over_limit'";
    assert!(number(&rehearsal, refused).await > 0, "the provider's limit was never met");
    let counted = "select count(*) from dialer.attempt where outcome = 'over_limit' and counts";
    assert_eq!(number(&rehearsal, counted).await, 0);
    let restless = "select count(*) from dialer.attempt o join dialer.attempt a using (account_id)
        where o.outcome = 'over_limit' and a.claimed_at > o.ended_at
          and a.claimed_at < o.ended_at + dialer.real_interval('0.9 seconds')";
    assert_eq!(number(&rehearsal, restless).await, 0, "the account did not rest");
    let counting = "select count(*) from dialer.attempt where counts";
    assert!(number(&rehearsal, counting).await >= i64::try_from(people.len()).unwrap());
    let logged = std::fs::read_to_string(rehearsal.dir.join("dialerd-0.log")).unwrap();
    assert!(logged.contains("TRACE"), "nothing was logged in full");
    sound(&rehearsal, &people, time(0, 0), time(23, 59)).await;
}
