use super::*;

#[tokio::test]
async fn a_call_waits_until_its_account_is_heard() {
    let streams = Arc::new(Streams::new("d1"));
    let waiting = {
        let streams = Arc::clone(&streams);
        tokio::spawn(async move { streams.is_heard(3).await })
    };
    // Somebody asked for an account that nobody listens to.
    streams.wanted.notified().await;
    assert!(!waiting.is_finished());
    streams.listening(3);
    assert!(waiting.await.expect("no panic"));
    assert!(streams.is_heard(3).await);
    assert_eq!(streams.listener(3), Listener { account_id: 3, dispatcher: "d1".to_owned() });
}

#[test]
fn it_is_told_which_accounts_are_heard_and_why_others_are_not() {
    let streams = Streams::new("d1");
    streams.listening(3);
    streams.deaf(5, "connecting failed".to_owned());
    streams.listening(7);
    streams.deaf(7, "the connection broke".to_owned());
    streams.deaf(7, "connecting failed".to_owned());
    let (rows, reasons) = streams.report(monotonic());
    let told: Vec<_> = rows.iter().map(|row| (&row["account_id"], &row["listening"])).collect();
    let expected = json!([[3, true], [5, false], [7, false]]);
    assert_eq!(json!(told), expected);
    assert_eq!(
        reasons,
        ["account 5 is not heard: connecting failed", "account 7 is not heard: connecting failed"]
    );
    streams.forget(5);
    assert_eq!(streams.report(monotonic()).0.len(), 2);
}
