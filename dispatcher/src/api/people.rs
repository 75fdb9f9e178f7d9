//! `/api/v1/contacts`, `/do-not-call`, `/consents`: whom one may call.

use super::Router;
use super::answer::{Answer, Answered, Refusal, Success};
use super::caller::{Caller, Posted};
use super::input::{Asked, At, Nothing};
use super::page::{Page, Span};
use crate::db::api::{Asking, Scope};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub fn router() -> Router {
    Router::new()
        .routes(routes!(contacts, add_contact))
        .routes(routes!(contact))
        .routes(routes!(do_not_call, add_do_not_call))
        .routes(routes!(take_off_do_not_call))
        .routes(routes!(consents, give_consent))
        .routes(routes!(withdraw_consent))
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    contact_id: i64,
    external_key: Option<String>,
    name: Option<String>,
    /// Candidate zones; several: callable only when open in all; none: not callable.
    zones: Vec<String>,
    /// stated, state, number, unknown
    zone_source: String,
    jurisdiction: Option<String>,
    attributes: Value,
    addresses: Vec<ContactAddress>,
    created_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ContactAddress {
    channel: String,
    address: String,
    /// ok, unusable
    status: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WantedContacts {
    /// Phone number, e-mail address, or the beginning of the name.
    person: Option<String>,
    external_key: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// Contacts with their numbers and addresses, the youngest first.
#[utoipa::path(get, path = "/api/v1/contacts", tag = "people", operation_id = "list_contacts", params(WantedContacts),
    responses((status = 200, description = "a page of them", body = Success<Page<Contact>>)))]
async fn contacts(caller: Caller, Asked(wanted): Asked<WantedContacts>) -> Answered<Page<Contact>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let asking = Asking::of("find_contacts")
        .text("person", wanted.person.as_deref())
        .text("external_key", wanted.external_key.as_deref());
    caller.page(asking, &span, |row: &Contact| row.contact_id).await
}

/// One contact.
#[utoipa::path(get, path = "/api/v1/contacts/{id}", tag = "people", operation_id = "get_contact", params(("id" = i64, Path)),
    responses((status = 200, description = "the contact", body = Success<Contact>)))]
async fn contact(caller: Caller, At(id): At<i64>) -> Answered<Contact> {
    let rows = caller.rows(Asking::of("find_contacts").bigint("only_contact", Some(id))).await?;
    let none = || Refusal::not_found("CONTACT_NOT_FOUND", format!("contact {id} does not exist"));
    Ok(Answer::ok(rows.into_iter().next().ok_or_else(none)?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewContact {
    /// Phone number, or e-mail address.
    #[schema(example = "+12125550123")]
    address: String,
    name: Option<String>,
    tz: Option<String>,
    /// State of their address.
    state: Option<String>,
    external_key: Option<String>,
    attributes: Option<Map<String, Value>>,
    /// Country of numbers that are written without one.
    region: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedContact {
    contact_id: i64,
    /// false: it was known, and is up to date now.
    created: bool,
    /// accepted, do_not_call
    verdict: String,
}

/// Adds a contact, or updates the one that has this key, number or address.
#[utoipa::path(post, path = "/api/v1/contacts", tag = "people", operation_id = "add_contact", request_body = NewContact,
    responses((status = 201, description = "it is there", body = Success<AddedContact>)))]
async fn add_contact(posted: Posted<NewContact>) -> Answered<AddedContact> {
    let mut work = posted.begin(Scope::Plan).await?;
    let new = &posted.input;
    let asking = Asking::of("add_contact")
        .text("address", Some(&new.address))
        .text("name", new.name.as_deref())
        .text("tz", new.tz.as_deref())
        .text("state", new.state.as_deref())
        .text("external_key", new.external_key.as_deref())
        .json("attributes", new.attributes.clone().map(Value::Object))
        .text("region", new.region.as_deref());
    let added = work.one(asking).await?;
    work.done(StatusCode::CREATED, added).await
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DoNotCall {
    do_not_call_id: i64,
    address: Option<String>,
    /// It is about a person: all their numbers and addresses.
    contact_id: Option<i64>,
    /// The person's name.
    contact: Option<String>,
    external_key: Option<String>,
    source: String,
    added_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WantedEntries {
    /// Entries that are about this number or address, those of its person included.
    address: Option<String>,
    /// Entries of the person with this key of yours.
    external_key: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// The do-not-call list, the youngest entry first.
#[utoipa::path(get, path = "/api/v1/do-not-call", tag = "people", operation_id = "list_do_not_call", params(WantedEntries),
    responses((status = 200, description = "a page of it", body = Success<Page<DoNotCall>>)))]
async fn do_not_call(
    caller: Caller,
    Asked(wanted): Asked<WantedEntries>,
) -> Answered<Page<DoNotCall>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let asking = Asking::of("find_do_not_call")
        .text("address", wanted.address.as_deref())
        .text("external_key", wanted.external_key.as_deref());
    caller.page(asking, &span, |row: &DoNotCall| row.do_not_call_id).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDoNotCall {
    /// Phone number, or e-mail address; this, externalKey or contactId.
    #[schema(example = "+12125550123")]
    address: Option<String>,
    /// A person by your own key: all their numbers and addresses, those that come later included.
    external_key: Option<String>,
    /// The same person by the number that the contact has here.
    contact_id: Option<i64>,
    /// Where this is known from.
    source: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    region: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedDoNotCall {
    do_not_call_id: i64,
}

impl NewDoNotCall {
    fn asking(&self) -> Result<Asking, Refusal> {
        let asking = match (&self.address, &self.external_key, self.contact_id) {
            (Some(address), None, None) => Asking::of("add_do_not_call")
                .text("address", Some(address))
                .text("region", self.region.as_deref()),
            (None, Some(key), None) => {
                Asking::of("add_person_do_not_call").text("external_key", Some(key))
            }
            (None, None, Some(contact)) => {
                Asking::of("add_person_do_not_call").bigint("contact_id", Some(contact))
            }
            _ => {
                let message = "one of address, externalKey and contactId says who it is";
                let hint = "an area is closed by POST /api/v1/bans";
                return Err(Refusal::invalid(message).with_hint(hint));
            }
        };
        Ok(asking.text("source", self.source.as_deref()).instant("expires_at", self.expires_at))
    }
}

/// Forbids a number, an address or a person; their waiting calls are cancelled.
#[utoipa::path(post, path = "/api/v1/do-not-call", tag = "people", operation_id = "add_do_not_call", request_body = NewDoNotCall,
    responses((status = 201, description = "it is not called any more", body = Success<AddedDoNotCall>)))]
async fn add_do_not_call(posted: Posted<NewDoNotCall>) -> Answered<AddedDoNotCall> {
    let asking = posted.input.asking()?;
    let mut work = posted.begin(Scope::Plan).await?;
    let do_not_call_id = work.one(asking).await?;
    work.done(StatusCode::CREATED, AddedDoNotCall { do_not_call_id }).await
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Removed {
    removed: bool,
}

/// Removes an entry that a person or program made, not what a contact has said; needs an admin key.
#[utoipa::path(delete, path = "/api/v1/do-not-call/{id}", tag = "people", operation_id = "take_off_do_not_call", params(("id" = i64, Path)),
    responses((status = 200, description = "it is gone", body = Success<Removed>)))]
async fn take_off_do_not_call(At(id): At<i64>, posted: Posted<Nothing>) -> Answered<Removed> {
    let mut work = posted.begin(Scope::Admin).await?;
    work.run(Asking::of("take_off_do_not_call").bigint("do_not_call_id", Some(id))).await?;
    work.done(StatusCode::OK, Removed { removed: true }).await
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    consent_id: i64,
    address: String,
    purpose: String,
    /// `consent` or `relationship`.
    kind: String,
    source: String,
    given_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    withdrawn_at: Option<DateTime<Utc>>,
    evidence: Value,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WantedConsents {
    address: Option<String>,
    purpose: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i32>,
}

/// Consents, the youngest first; withdrawn ones too.
#[utoipa::path(get, path = "/api/v1/consents", tag = "people", operation_id = "list_consents", params(WantedConsents),
    responses((status = 200, description = "a page of them", body = Success<Page<Consent>>)))]
async fn consents(caller: Caller, Asked(wanted): Asked<WantedConsents>) -> Answered<Page<Consent>> {
    let span = Span::read(wanted.cursor.as_deref(), wanted.limit)?;
    let asking = Asking::of("find_consents")
        .text("address", wanted.address.as_deref())
        .text("purpose", wanted.purpose.as_deref());
    caller.page(asking, &span, |row: &Consent| row.consent_id).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewConsent {
    #[schema(example = "+12125550123")]
    address: String,
    #[schema(example = "sales")]
    purpose: String,
    #[schema(example = "web form 7")]
    source: String,
    expires_at: Option<DateTime<Utc>>,
    evidence: Option<Map<String, Value>>,
    region: Option<String>,
    /// `consent` (usual), or `relationship`: a customer, for whom some calling rules are lifted.
    #[schema(example = "consent")]
    kind: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GivenConsent {
    consent_id: i64,
}

/// Notes that a number or address has agreed to a purpose.
#[utoipa::path(post, path = "/api/v1/consents", tag = "people", operation_id = "give_consent", request_body = NewConsent,
    responses((status = 201, description = "it is noted", body = Success<GivenConsent>)))]
async fn give_consent(posted: Posted<NewConsent>) -> Answered<GivenConsent> {
    let mut work = posted.begin(Scope::Plan).await?;
    let new = &posted.input;
    let asking = Asking::of("give_consent")
        .text("address", Some(&new.address))
        .text("purpose", Some(&new.purpose))
        .text("source", Some(&new.source))
        .instant("expires_at", new.expires_at)
        .json("evidence", new.evidence.clone().map(Value::Object))
        .text("region", new.region.as_deref())
        .text("kind", new.kind.as_deref());
    let consent_id = work.one(asking).await?;
    work.done(StatusCode::CREATED, GivenConsent { consent_id }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Withdrawal {
    #[schema(example = "+12125550123")]
    address: String,
    /// Without it: all of them.
    purpose: Option<String>,
    region: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Withdrawn {
    /// How many consents.
    withdrawn: i32,
}

/// Withdraws what a number or address has agreed to.
#[utoipa::path(post, path = "/api/v1/consents/withdraw", tag = "people", operation_id = "withdraw_consent", request_body = Withdrawal,
    responses((status = 200, description = "how many", body = Success<Withdrawn>)))]
async fn withdraw_consent(posted: Posted<Withdrawal>) -> Answered<Withdrawn> {
    let mut work = posted.begin(Scope::Plan).await?;
    let asking = Asking::of("withdraw_consent")
        .text("address", Some(&posted.input.address))
        .text("purpose", posted.input.purpose.as_deref())
        .text("region", posted.input.region.as_deref());
    let withdrawn = work.one(asking).await?;
    work.done(StatusCode::OK, Withdrawn { withdrawn }).await
}
