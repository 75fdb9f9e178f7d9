//! Tests of the outcome mix.

use super::*;

const LENGTHS: Lengths = Lengths {
    ring: Span { from: 4.0, to: 20.0 },
    unanswered_ring: Span { from: 20.0, to: 40.0 },
    talk: Span { from: 15.0, to: 120.0 },
    voicemail: Span { from: 8.0, to: 30.0 },
};

fn plan(mix: &str, seed: u64, number: &str, nth: u32) -> Plan {
    let mix: Mix = mix.parse().expect("a good mix");
    mix.plan(Dice { seed, number, nth }, &LENGTHS)
}

#[test]
fn the_same_call_always_goes_the_same_way() {
    assert_eq!(plan(DEFAULT_MIX, 7, "+13035550100", 2), plan(DEFAULT_MIX, 7, "+13035550100", 2));
}

#[test]
fn outcomes_come_in_about_the_stated_proportion() {
    let sales = (0..4000)
        .filter(|n| {
            plan("customer-ended-call:SALE=1,voicemail=3", 1, &format!("+1303{n}"), 1)
                .disposition
                .is_some()
        })
        .count();
    assert!((850..1150).contains(&sales), "{sales} of 4000");
}

#[test]
fn nobody_talks_who_was_not_reached() {
    assert_eq!(plan("customer-busy=1", 1, "+1", 1).talk_seconds, None);
    assert!(plan("voicemail=1", 1, "+1", 1).talk_seconds.is_some());
    assert!(plan("customer-ended-call:SALE=1", 1, "+1", 1).talk_seconds.is_some());
}

#[test]
fn a_malformed_mix_is_refused_with_the_place() {
    assert_eq!(
        "voicemail=1,oops".parse::<Mix>(),
        Err("`oops` is not reason[:disposition]=weight".to_owned())
    );
    assert!("voicemail=0".parse::<Mix>().is_err());
}

#[test]
fn a_prefix_mix_keeps_the_equals_signs_of_its_weights() {
    let parsed: PrefixMix = "+1303=voicemail=2,customer-busy=1".parse().expect("good");
    assert_eq!(parsed.prefix, "+1303");
    assert_eq!(parsed.mix, "voicemail=2,customer-busy=1".parse().expect("good"));
}
