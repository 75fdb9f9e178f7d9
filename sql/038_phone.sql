-- Phone numbers, places, outcomes: words from outside, translated at the door.
--
-- For anybody; imports, intake and the dispositions use them. Invariant 6: a number that cannot be
-- read is an error, a place that cannot be known is an empty list, a word that is not known is null.

create function dialer.normalize_phone(phone text, region text default '')
returns text
immutable strict parallel safe cost 100
language c as 'MODULE_PATHNAME', 'normalize_phone_wrapper';

comment on function dialer.normalize_phone(text, text) is
    'The number in E.164. region (ISO 3166, such as US) tells how a number without + is meant. Error PD014 for what is no valid number and for emergency numbers, short codes, premium rate and numbers with an extension; it says which.
e.g. select dialer.normalize_phone(''(212) 555-0123'', ''US'') --> +12125550123';

create function dialer.zones_of(phone text)
returns text[]
immutable strict parallel safe cost 50
language c as 'MODULE_PATHNAME', 'zones_of_wrapper';

comment on function dialer.zones_of(text) is
    'The time zones in which the owner of an E.164 number may be, by area code or country; several mean: call only when open in all. Empty if unknown (toll-free, personal and foreign numbers of countries with several offsets). The number tells where it was first assigned.
e.g. select dialer.zones_of(''+12705550123'') --> {America/New_York,America/Chicago}';

create function dialer.zones_of_state(state text)
returns text[]
immutable strict parallel safe cost 5
language c as 'MODULE_PATHNAME', 'zones_of_state_wrapper';

comment on function dialer.zones_of_state(text) is
    'The time zones of a state or province of the United States or Canada, by code or by name: TX, US-TX, CA-QC, Texas, Quebec. Empty if there is no such state.
e.g. select dialer.zones_of_state(''US-TN'') --> {America/Chicago,America/New_York}';

create function dialer.zones_of_abbreviation(abbreviation text, phone text default null)
returns text[]
immutable parallel safe cost 5
language c as 'MODULE_PATHNAME', 'zones_of_abbreviation_wrapper';

comment on function dialer.zones_of_abbreviation(text, text) is
    'The time zones that an abbreviation of a North American clock may mean, such as EST, PDT or MT; several mean: open in all. Empty for what is no such abbreviation, and for a number (E.164) outside North America, where the letters mean other clocks. Functions that take a zone refuse abbreviations; intake reads them and says so.
e.g. select dialer.zones_of_abbreviation(''MST'') --> {America/Denver,America/Phoenix}';

create function dialer.resolve_zone(stated text default null, state text default null, phone text default null)
returns table (zones text[], source text, confidence text)
stable parallel safe cost 50 rows 1
language c as 'MODULE_PATHNAME', 'resolve_zone_wrapper';

comment on function dialer.resolve_zone(text, text, text) is
    'The time zones in which somebody may be, sorted, by the first source that gives any: stated (one zone, or several with commas; names that are no zones are passed over, old spellings such as US/Eastern count as the new ones, abbreviations such as EST as what they may mean: zones_of_abbreviation), state (of the address: TX, US-TX, CA-QC, Texas, or a ZIP code of the United States), number (in E.164, by area code or country). Several zones mean: call only when open in all. One row. source: stated, state, number or unknown. confidence: high (stated, or a state with one zone), medium (a state with several zones, all of them candidates, or an abbreviation), low (the number alone: people keep their numbers when they move), none (no zone is known: never open).
e.g. select zones, source, confidence from dialer.resolve_zone(state => ''TN'', phone => ''+12125550123'')';

create function dialer.jurisdiction_of(place text, phone text default null)
returns text
immutable parallel safe cost 10
language c as 'MODULE_PATHNAME', 'jurisdiction_of_wrapper';

comment on function dialer.jurisdiction_of(text, text) is
    'The code of the place whose law holds: US-FL for FL, US-FL or Florida; CA-ON; FR or France for a country. Two letters are a state of the United States or Canada where there is one (CA is California, DE Delaware), unless the phone (in E.164) is of the country that they name. Null for what is no place.
e.g. select dialer.jurisdiction_of(''Florida'') --> US-FL';

create function dialer.states_of_zip(zip text)
returns text[]
immutable strict parallel safe cost 5
language c as 'MODULE_PATHNAME', 'states_of_zip_wrapper';

comment on function dialer.states_of_zip(text) is
    'The states and territories of the United States in which a ZIP code (33101 or 33101-1234) may be, by its first three digits; several mean that the rules of all of them hold. Empty for what is no ZIP code, and for one whose state is not known (military ones, Guam).
e.g. select dialer.states_of_zip(''73960'') --> {US-OK,US-TX}';

create function dialer.jurisdiction_chain(jurisdiction text)
returns text[]
immutable strict parallel safe cost 5
language c as 'MODULE_PATHNAME', 'jurisdiction_chain_wrapper';

comment on function dialer.jurisdiction_chain(text) is
    'A jurisdiction and those that it lies in, the narrowest first: the rules of all of them hold.
e.g. select dialer.jurisdiction_chain(''US-NYC'') --> {US-NYC,US-NY,US}';

create function dialer.resolve_jurisdiction(stated text default null, phones text[] default null, zip text default null)
returns table (jurisdictions text[], source text)
immutable parallel safe cost 50 rows 1
language c as 'MODULE_PATHNAME', 'resolve_jurisdiction_wrapper';

comment on function dialer.resolve_jurisdiction(text, text[], text) is
    'The jurisdictions whose rules hold for somebody, sorted, by the address (the place that was stated, and a ZIP code of the United States, which may be given in its stead) and by all numbers (E.164); several: the rules of all of them. A number tells its state by area code, or its country; where it disagrees with the address, both are kept, and where place and ZIP code disagree as well. Five digits are no ZIP code where the place, or without a place the first number, is of another country. One row. source: stated (the address, and the numbers agree), number, both (they disagree) or unknown.
e.g. select jurisdictions, source from dialer.resolve_jurisdiction(''TX'', array[''+13055550123''])';

create function dialer.normalize_outcome(word text)
returns text
immutable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'normalize_outcome_wrapper';

comment on function dialer.normalize_outcome(text) is
    'The outcome that a provider''s word or a business label means (SALE, no-answer, LEFT_VOICEMAIL); null if it is not known and must be reviewed. Whole words only: NO_SALE and WHOLESALE are no sale, and TRANSFER_SALE is transferred.
e.g. select dialer.normalize_outcome(''LEFT_VOICEMAIL'') --> voicemail';
