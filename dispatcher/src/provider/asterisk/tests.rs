//! Tests of what is asked and of what is understood; the messages are Asterisk 22's own, shortened.

use super::order::{application, order};
use super::report::{Heard, Reader, gone, of_channel, plays_for};
use super::*;
use crate::provider::tests::{ATTEMPT, answer, placement};
use crate::provider::{CallOptions, Kind, Refusal, Source};
use serde_json::{Value, json};
use uuid::Uuid;

fn attempt() -> Uuid {
    ATTEMPT.parse().expect("a uuid")
}

fn listener() -> Listener {
    Listener { account_id: 7, dispatcher: "pbx one/2".to_owned() }
}

fn settings(more: Value) -> Value {
    let mut settings = json!({
        "endpoint": "PJSIP/{number}@trunk", "context": "announcement", "listener": listener()});
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}

fn ordered(more: Value) -> Result<Value, PlaceError> {
    let (settings, mut placement) = (settings(more), placement("+13035550100", json!({})));
    placement.options = CallOptions::read(&settings, &placement.variables)?;
    order(&settings, &placement)
}

fn refusal(more: Value) -> Refusal {
    match ordered(more) {
        Err(PlaceError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_says_whom_to_call_for_how_long_and_what_then() {
    let variables = json!({"first name": "Ada", "amount": 12, "TRANSFER_CONTEXT": "a\nb"});
    let stated = settings(json!({
        "endpoint": "PJSIP/{digits}@trunk", "extension": "hello", "priority": 2, "ring_seconds": 20,
        "max_duration_seconds": 100, "request": {"formats": "ulaw"}, "caller_id": "+13035550199", "caller_name": "\"Clinic\" <x>"}));
    let mut placement = placement("+13035550100", variables);
    placement.options = CallOptions::read(&stated, &json!({})).expect("options");
    let body = order(&stated, &placement).expect("an order");
    assert_eq!(
        body,
        json!({
            "endpoint": "PJSIP/13035550100@trunk", "timeout": 20,
            "context": "announcement", "extension": "hello", "priority": 2,
            "formats": "ulaw", "callerId": "\"Clinic x\" <+13035550199>",
            "variables": {
                "DIALER_FIRST_NAME": "Ada", "DIALER_AMOUNT": "12", "DIALER_TRANSFER_CONTEXT": "ab",
                "DIALER_ATTEMPT_ID": ATTEMPT, "PJSIP_HEADER(add,X-Attempt-ID)": ATTEMPT,
                "TIMEOUT(absolute)": "120", "CHANNEL(accountcode)": "pg_dialer-7",
            },
        })
    );
}

#[test]
fn an_answered_call_goes_to_the_dialplan_or_an_application_or_hears_a_sound() {
    let then = |more| {
        let body = ordered(more).expect("an order");
        ["context", "extension", "priority", "app", "appArgs"].map(|name| body[name].clone())
    };
    let none = Value::Null;
    assert_eq!(
        then(json!({})),
        [json!("announcement"), json!("s"), json!(1), none.clone(), none.clone()]
    );
    assert_eq!(
        then(json!({"context": null, "app": "bot", "app_args": "a,b"})),
        [none.clone(), none.clone(), none.clone(), json!("bot"), json!("a,b")]
    );
    let own = application(&listener());
    assert_eq!(own, "pg_dialer-7-pbx_one_2");
    assert_eq!(
        then(json!({"context": null, "sound": "hello-world"})),
        [none.clone(), none.clone(), none, json!(own), json!("play,sound:hello-world")]
    );
}

#[test]
fn a_setting_that_asterisk_would_take_for_something_else_is_refused_by_name() {
    for (more, told) in [
        (json!({"endpoint": null}), "settings lack endpoint"),
        (json!({"endpoint": "PJSIP/trunk"}), "must say where the number goes"),
        (json!({"endpoint": 7}), "endpoint is 7, but must be a text"),
        (json!({"context": null}), "settings lack what to do"),
        (json!({"sound": "hello-world"}), "more than one of context, app and sound"),
        (json!({"context": null, "sound": "a,b"}), "a comma separates sounds"),
        (json!({"priority": 0}), "priority is 0, but must be a whole number from 1 on"),
        (json!({"ring_seconds": "abc"}), "ring_seconds is \"abc\", but must be a whole number"),
        (json!({"record": true}), "record is set, but asterisk has nothing of the kind"),
        (json!({"request": {"variables": {"SHELL(x)": "y"}}}), "request.variables is set"),
        (json!({"caller_id": "sip:x@host"}), "is no number in E.164"),
        (json!({"caller_ref": "sip:x@host"}), "must consist of digits"),
    ] {
        let refusal = refusal(more.clone());
        let reason = refusal.details["reason"].as_str().unwrap_or("").to_owned();
        assert!(reason.contains(told), "{more}: {reason}");
        assert_eq!(refusal.class, RefusalClass::ConfigError, "{more}");
    }
}

#[test]
fn a_number_cannot_choose_another_trunk() {
    for address in ["13035550100@other", "sip:x@host", "+1 303 555 0100", "", "+", "1/2"] {
        match order(&settings(json!({})), &placement(address, json!({}))) {
            Err(PlaceError::Refused(refusal)) => {
                assert_eq!(refusal.class, RefusalClass::InvalidNumber, "{address}");
            }
            other => panic!("{address}: {other:?}"),
        }
    }
}

#[test]
fn an_answer_that_is_no_success_means_one_of_three_things() {
    let class = |status, body| match classify(&answer(status, body)) {
        PlaceError::Refused(refusal) => Some((refusal.class, refusal.word)),
        PlaceError::Unknown(_) => None,
        PlaceError::NotSent(why) => panic!("{why}"),
    };
    let told = |class, word: &str| Some((class, word.to_owned()));
    assert_eq!(
        class(500, json!({"error": "Allocation failed"})),
        told(RefusalClass::ProviderFault, "allocation-failed")
    );
    assert_eq!(class(500, json!({"message": "Something else"})), None);
    assert_eq!(class(503, Value::Null), None);
    let invalid = json!({"message": "Endpoint must be specified"});
    assert_eq!(class(400, invalid), told(RefusalClass::ConfigError, "Endpoint must be specified"));
    assert_eq!(class(401, Value::Null), told(RefusalClass::AccountError, "refused"));
    assert_eq!(class(403, Value::Null), told(RefusalClass::AccountError, "refused"));
}

fn message(kind: &str, state: &str, more: Value) -> Value {
    let mut message = json!({
        "type": kind, "timestamp": "2026-11-21T01:02:56.356+0000", "application": "pg_dialer-7-a",
        "channel": {"id": ATTEMPT, "name": "PJSIP/trunk-00000019", "state": state,
                    "accountcode": "pg_dialer-7"}});
    for (name, value) in more.as_object().into_iter().flatten() {
        message[name] = value.clone();
    }
    message
}

fn event(heard: Heard) -> Event {
    match heard {
        Heard::Event(event) => *event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_rings_is_answered_and_ends_under_keys_that_all_listeners_share() {
    let mut reader = Reader::new(&listener());
    let mut told = Vec::new();
    for message in [
        message("ChannelStateChange", "Ringing", json!({})),
        message("ChannelStateChange", "Up", json!({"timestamp": "2026-11-21T01:03:00.000+0000"})),
        message(
            "ChannelDestroyed",
            "Up",
            json!({"cause": 16, "timestamp": "2026-11-21T02:03:01.500+0100"}),
        ),
    ] {
        let event = event(reader.read(&message));
        assert_eq!(event.attempt_id, Some(attempt()));
        assert_eq!(event.provider_call_id.as_deref(), Some(ATTEMPT));
        let key = event.event_key.strip_prefix(ATTEMPT).expect("the channel's key").to_owned();
        told.push((key, event.kind, event.outcome, event.word, event.duration_seconds));
    }
    assert_eq!(
        told,
        [
            (":ringing".into(), Kind::Ringing, None, None, None),
            (":answered".into(), Kind::Answered, None, None, None),
            (":ended".into(), Kind::Ended, Some("completed"), Some("16".into()), Some(1.5)),
        ]
    );
}

/// How calls ended at a real Asterisk 22: state, cause, SIP status, outcome.
#[test]
fn an_end_has_the_outcome_of_its_status_or_its_cause() {
    for (state, cause, status, expected) in [
        ("Up", 16, None, Some("completed")),
        ("Up", 0, None, Some("completed")),
        ("Up", 34, Some(503), Some("maybe_reached")),
        ("Up", 31, None, Some("maybe_reached")),
        ("Up", 127, None, Some("completed")),
        ("Down", 17, Some(486), Some("busy")),
        ("Down", 21, Some(603), Some("rejected")),
        ("Down", 21, Some(403), Some("blocked")),
        ("Down", 1, Some(404), Some("invalid_number")),
        ("Down", 34, Some(503), Some("provider_fault")),
        ("Ringing", 19, Some(480), Some("no_answer")),
        ("Ringing", 16, None, Some("cancelled")),
        ("Ringing", 0, None, Some("no_answer")),
        ("Down", 21, Some(407), Some("account_error")),
        ("Down", 127, Some(499), None),
    ] {
        let mut more = json!({"cause": cause});
        if let Some(status) = status {
            more["tech_cause"] = json!(status);
        }
        let heard = Reader::new(&listener()).read(&message("ChannelDestroyed", state, more));
        assert_eq!(event(heard).outcome, expected, "{state} {cause} {status:?}");
    }
}

#[test]
fn what_is_not_ours_says_nothing() {
    let mut reader = Reader::new(&listener());
    let mut foreign = message("ChannelStateChange", "Up", json!({}));
    for (id, code) in [
        (ATTEMPT, "pg_dialer-8"),
        ("1795252336.12", ""),
        ("0190A1B2-0000-7000-8000-000000000001", "pg_dialer-7"),
    ] {
        foreign["channel"]["id"] = json!(id);
        foreign["channel"]["accountcode"] = json!(code);
        assert_eq!(reader.read(&foreign), Heard::Nothing, "{id} {code}");
    }
    // A trunk may give its channels a code of its own; then the id alone tells.
    foreign["channel"] = json!({"id": ATTEMPT, "state": "Up", "accountcode": "sales"});
    assert_eq!(event(reader.read(&foreign)).kind, Kind::Answered);
    for nonsense in
        [json!(null), json!([]), json!({"type": 7}), json!({"type": "ChannelDestroyed"})]
    {
        assert_eq!(reader.read(&nonsense), Heard::Nothing, "{nonsense}");
    }
}

#[test]
fn only_what_we_play_is_ended_by_us() {
    let mut reader = Reader::new(&listener());
    let start = message("StasisStart", "Up", json!({"args": ["play", "sound:hello-world"]}));
    let media = "sound:hello-world".to_owned();
    assert_eq!(reader.read(&start), Heard::Play { channel: attempt(), media });
    let finished = |id: &str| {
        json!({"type": "PlaybackFinished", "playback": {
            "id": id, "target_uri": format!("channel:{ATTEMPT}"), "state": "done"}})
    };
    assert_eq!(reader.read(&finished(ATTEMPT)), Heard::Played { channel: attempt() });
    assert_eq!(reader.read(&finished("another")), Heard::Nothing);
    assert_eq!(reader.read(&json!({"type": "ApplicationReplaced"})), Heard::Replaced);
}

#[test]
fn a_call_that_hears_a_sound_has_a_longest_time() {
    let then = json!({"context": null, "sound": "hello-world"});
    let body = ordered(then).expect("an order");
    assert_eq!(body["variables"]["TIMEOUT(absolute)"], "3630");
    let body = ordered(json!({})).expect("an order");
    assert_eq!(body["variables"]["TIMEOUT(absolute)"], Value::Null);
}

#[test]
fn channels_that_hear_our_sounds_are_told_from_others() {
    let channel = |app: &str, data: &str| json!({"id": ATTEMPT, "dialplan": {"app_name": app, "app_data": data}});
    let ours = |app, data| plays_for("pg_dialer-7", &channel(app, data)).is_some();
    assert!(ours("Stasis", "pg_dialer-7-d1,play,sound:x"));
    assert!(!ours("Stasis", "pg_dialer-70-d1,play,sound:x"));
    assert!(!ours("Stasis", "pg_dialer-7-d1,other"));
    assert!(!ours("Stasis", "bot,play"));
    assert!(!ours("Wait", "pg_dialer-7-d1,play"));
    assert_eq!(plays_for("pg_dialer-7", &json!({"id": ATTEMPT})), None);
}

#[test]
fn the_trunk_is_read_from_the_endpoint() {
    assert_eq!(trunk_of("PJSIP/{digits}@trunk").as_deref(), Some("PJSIP/trunk"));
    assert_eq!(trunk_of("PJSIP/trunk/sip:{number}"), None);
}

#[test]
fn a_channel_that_was_looked_for_says_by_its_state_how_far_it_is() {
    for (state, kind) in [
        ("Down", Kind::Placed),
        ("Ring", Kind::Ringing),
        ("Ringing", Kind::Ringing),
        ("Up", Kind::Answered),
        ("Pre-ring", Kind::Placed),
    ] {
        let event = of_channel(&json!({"id": ATTEMPT, "state": state}), attempt());
        let event = event.expect("an event");
        assert_eq!((event.kind, event.source), (kind, Source::LookUp), "{state}");
    }
    assert_eq!(of_channel(&json!({"message": "?"}), attempt()), None);
    let gone = gone(attempt());
    assert_eq!((gone.kind, gone.outcome), (Kind::Ended, Some("unknown")));
}
