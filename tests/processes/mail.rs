//! E-mails through the dispatcher: each sent once, the bounces heard of later.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};

const MAILS: i64 = 31;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_is_sent_once_and_a_bounce_marks_its_address() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = begin("mail", 60.0, &[]).await;
    rehearsal
        .db
        .batch_execute(
            "select dialer.create_campaign('mails', 'mail', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('mails');
             select dialer.schedule_batch((select jsonb_agg(jsonb_build_object('external_key', 'case-' || i,
                 'email', case when i % 10 = 0 then 'bounce' else 'case' end || i || '@example.com')) from generate_series(1, 31) i),
                 email_campaign => 'mails')",
        )
        .await
        .unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until(&rehearsal, "select bool_and(state = 'completed') from dialer.call").await;
    let sent = "select count(*) from dialer.attempt where outcome = 'completed'";
    assert_eq!(number(&rehearsal, sent).await, MAILS);
    let bounced = "select count(*) filter (where address like 'bounce%' and status = 'unusable') = 3 from dialer.endpoint";
    until(&rehearsal, bounced).await;
    let summary = rehearsal.sandbox_summary().await.unwrap();
    assert_eq!(summary["emails"]["sent"], MAILS);
    assert_eq!(summary["emails"]["repeated"], 0);
    let broken = "select count(*) from dialer.invariant_violation";
    assert_eq!(number(&rehearsal, broken).await, 0);
}
