//! The lines of iCalendar text: unfolded, and cut into name, parameters and value.

/// A content line.
pub(super) struct Line {
    /// The number of its first physical line; the first is 1.
    pub number: usize,
    /// In capitals.
    pub name: String,
    /// Parameters in capitals, such as VALUE=DATE.
    pub parameters: Vec<String>,
    /// As it stands there.
    pub value: String,
}

/// LIMIT: bytes of one unfolded line; the rest is cut off, and nothing that is read is that long.
const LINE_MAX: usize = 16_384;

pub(super) struct Lines<'a> {
    physical: std::iter::Peekable<std::iter::Enumerate<std::str::Split<'a, char>>>,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Lines { physical: text.split('\n').enumerate().peekable() }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        // Every round takes a physical line; blank ones are passed over.
        loop {
            let (index, first) = self.physical.next()?;
            let mut whole = without_return(first).to_string();
            let is_folded = |(_, next): &(usize, &str)| next.starts_with([' ', '\t']);
            while let Some((_, more)) = self.physical.next_if(is_folded) {
                if whole.len() < LINE_MAX {
                    whole.push_str(&without_return(more)[1..]);
                }
            }
            if !whole.trim().is_empty() {
                return Some(cut(index + 1, &whole));
            }
        }
    }
}

fn without_return(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

/// Cuts at the first colon outside quotation marks, and what is before it at semicolons.
fn cut(number: usize, line: &str) -> Line {
    let mut is_quoted = false;
    let mut parts = vec![String::new()];
    let mut value = "";
    for (place, letter) in line.char_indices() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted => parts.push(String::new()),
            ':' if !is_quoted => {
                value = &line[place + 1..];
                break;
            }
            _ => {
                if let Some(part) = parts.last_mut() {
                    part.push(letter.to_ascii_uppercase());
                }
            }
        }
    }
    let mut parts = parts.into_iter().map(|part| part.trim().to_string());
    let name = parts.next().unwrap_or_default();
    Line { number, name, parameters: parts.collect(), value: value.to_string() }
}
