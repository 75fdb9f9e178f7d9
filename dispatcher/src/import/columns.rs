//! Which column of a file is which: by what was stated, else by the name in the header.

/// What an import can take; everything else becomes an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    ExternalKey,
    Name,
    Phone,
    Email,
    Tz,
    State,
    Status,
}

/// In the order of the staging table, with the headers that are understood without being told.
const TARGETS: [(Target, &str, &[&str]); 7] = [
    (Target::ExternalKey, "external_key", &["externalid", "key", "id", "leadid", "contactid"]),
    (
        Target::Name,
        "name",
        &[
            "fullname",
            "contactname",
            "patientname",
            "employeename",
            "leadname",
            "customername",
            "contact",
            "patient",
            "employee",
            "lead",
            "customer",
        ],
    ),
    (
        Target::Phone,
        "phone",
        &[
            "phonenumber",
            "telephone",
            "telephonenumber",
            "tel",
            "mobile",
            "mobilephone",
            "cell",
            "number",
            "telefon",
            "telefonnummer",
            "rufnummer",
            "mobil",
            "handy",
        ],
    ),
    (Target::Email, "email", &["mail", "emailaddress"]),
    (Target::Tz, "tz", &["timezone", "zone"]),
    (Target::State, "state", &["province", "region", "bundesland"]),
    (Target::Status, "status", &["disposition", "outcome", "lastresult", "laststatus"]),
];

/// Where each target is found in a row, in the order of `TARGETS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    places: [Option<usize>; 7],
    /// The other columns and their names.
    pub attributes: Vec<(usize, String)>,
}

impl Columns {
    pub fn places(&self) -> impl Iterator<Item = Option<usize>> {
        self.places.into_iter()
    }

    /// What was understood, for people: `phone = Telefon, ...`.
    pub fn described(&self, header: &[String]) -> String {
        let mapped = TARGETS.iter().zip(self.places);
        let parts: Vec<String> = mapped
            .filter_map(|((_, name, _), place)| Some(format!("{name} = {}", header[place?])))
            .collect();
        parts.join(", ")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "--map {0}: write TARGET=COLUMN, with TARGET one of external_key, name, phone, email, tz, state, status"
    )]
    Malformed(String),
    #[error("there is no column {wanted:?}{hint}; columns found: {found}")]
    Missing { wanted: String, hint: String, found: String },
    #[error("the column {0:?} is there twice; rename one")]
    Twice(String),
    #[error(
        "no column holds a phone number or an e-mail address; columns found: {found}; say which with --map phone=COLUMN"
    )]
    NoAddress { found: String },
}

/// Finds the columns; `stated` are the parts of --map.
pub fn find(header: &[String], stated: &[String]) -> Result<Columns, Error> {
    let mut places = [None; 7];
    for part in stated {
        let (index, wanted) = stated_part(part)?;
        places[index] = Some(column(header, wanted)?);
    }
    for (index, (_, name, synonyms)) in TARGETS.iter().enumerate() {
        if places[index].is_none() {
            places[index] = understood(header, name, synonyms, &places);
        }
    }
    let is_there = |target| TARGETS.iter().zip(places).any(|(t, p)| t.0 == target && p.is_some());
    if !is_there(Target::Phone) && !is_there(Target::Email) {
        return Err(Error::NoAddress { found: listed(header) });
    }
    let rest = header.iter().enumerate().filter(|(at, _)| !places.contains(&Some(*at)));
    let attributes = rest.map(|(at, name)| (at, attribute_name(at, name))).collect();
    Ok(Columns { places, attributes })
}

fn stated_part(part: &str) -> Result<(usize, &str), Error> {
    let malformed = || Error::Malformed(part.to_owned());
    let (target, wanted) = part.split_once('=').ok_or_else(malformed)?;
    let target = target.trim().to_lowercase();
    let index = TARGETS.iter().position(|(_, name, _)| *name == target).ok_or_else(malformed)?;
    Ok((index, wanted.trim()))
}

fn column(header: &[String], wanted: &str) -> Result<usize, Error> {
    let exact: Vec<usize> = (0..header.len()).filter(|at| header[*at] == wanted).collect();
    match exact.as_slice() {
        [one] => Ok(*one),
        [] => Err(Error::Missing {
            wanted: wanted.to_owned(),
            hint: hint(header, wanted),
            found: listed(header),
        }),
        _ => Err(Error::Twice(wanted.to_owned())),
    }
}

fn hint(header: &[String], wanted: &str) -> String {
    let plain = folded(wanted);
    let near = |name: &&String| {
        let name = folded(name);
        name == plain || (!plain.is_empty() && (name.contains(&plain) || plain.contains(&name)))
    };
    let found = header.iter().filter(|name| !name.is_empty()).find(near);
    found.map(|name| format!(", did you mean {name:?}?")).unwrap_or_default()
}

fn understood(
    header: &[String],
    name: &str,
    synonyms: &[&str],
    taken: &[Option<usize>; 7],
) -> Option<usize> {
    let name = folded(name);
    std::iter::once(name.as_str()).chain(synonyms.iter().copied()).find_map(|word| {
        (0..header.len()).find(|at| folded(&header[*at]) == word && !taken.contains(&Some(*at)))
    })
}

/// Without case, spaces, dashes and underscores.
fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn attribute_name(at: usize, name: &str) -> String {
    if name.is_empty() { format!("column_{}", at + 1) } else { name.to_owned() }
}

fn listed(header: &[String]) -> String {
    header.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
