//! The sandbox: the voice and the e-mail adapter under one name, with settings filled in.
//!
//! A rehearsal needs no assistant and no number of one's own; everything else is the real adapter.

use super::resend::Resend;
use super::vapi::Vapi;
use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookAnswer, HookRequest, HookTrust,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, Sought, Span, VerifyError,
    Word,
};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

const BASE_URL: &str = "http://127.0.0.1:7780";

pub static VOICE: Sandbox = Sandbox { inner: &Vapi };
pub static EMAIL: Sandbox = Sandbox { inner: &Resend };

#[derive(Debug)]
pub struct Sandbox {
    inner: &'static dyn Adapter,
}

impl Adapter for Sandbox {
    fn place<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        placement: &'a Placement,
    ) -> BoxFuture<'a, Result<Accepted, PlaceError>> {
        let mut placement = placement.clone();
        // A rehearsal's caller ids have no name at a vendor.
        placement.options.caller_ref.get_or_insert_with(|| "rehearsal".to_owned());
        Box::pin(async move { self.inner.place(http, &completed(account), &placement).await })
    }

    fn look_up<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        sought: &'a Sought,
    ) -> BoxFuture<'a, Result<Vec<Event>, LookUpError>> {
        Box::pin(async move { self.inner.look_up(http, &completed(account), sought).await })
    }

    fn hang_up<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        provider_call_id: &'a str,
    ) -> BoxFuture<'a, Result<(), LookUpError>> {
        Box::pin(
            async move { self.inner.hang_up(http, &completed(account), provider_call_id).await },
        )
    }

    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        self.inner.verify(trust, request, now)
    }

    fn parse_event(
        &self,
        settings: &Value,
        request: HookRequest<'_>,
    ) -> Result<Vec<Event>, ParseError> {
        self.inner.parse_event(settings, request)
    }

    fn hook_answer(&self, settings: &Value, request: HookRequest<'_>) -> HookAnswer {
        self.inner.hook_answer(settings, request)
    }

    fn classify_error(&self, answer: &Answer) -> PlaceError {
        self.inner.classify_error(answer)
    }

    fn words(&self) -> &'static [Word] {
        self.inner.words()
    }

    fn reconciles(&self) -> Reconciles {
        self.inner.reconciles()
    }

    fn list<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        span: &'a Span,
    ) -> BoxFuture<'a, Result<Page, LookUpError>> {
        Box::pin(async move { self.inner.list(http, &completed(account), span).await })
    }

    fn check<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<String, CheckError>> {
        Box::pin(async move { self.inner.check(http, &completed(account)).await })
    }
}

fn completed(account: &Account) -> Account {
    let mut account = account.clone();
    account.base_url.get_or_insert_with(|| BASE_URL.to_owned());
    if let Some(settings) = account.settings.as_object_mut() {
        let speaks = ["assistant_id", "squad_id", "workflow_id"];
        let assistant = match speaks.iter().any(|name| settings.contains_key(*name)) {
            true => None,
            false => Some(("assistant_id", "rehearsal")),
        };
        for (name, value) in assistant.into_iter().chain([
            ("phone_number_id", "rehearsal"),
            ("from", "rehearsal@example.org"),
            ("subject", "Rehearsal"),
        ]) {
            settings.entry(name).or_insert_with(|| json!(value));
        }
    }
    account
}
