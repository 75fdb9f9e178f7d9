//! An answer as an aligned table, numbers to the right and the rest to the left; or as CSV.

use crate::db::ask::Answer;

/// The table, with a line under the names; says so when there are no rows.
pub fn aligned(answer: &Answer) -> String {
    let widths: Vec<usize> = (0..answer.columns.len()).map(|at| width(answer, at)).collect();
    let mut text = String::new();
    let names: Vec<Cell<'_>> =
        answer.columns.iter().map(|name| Cell { text: name, is_number: false }).collect();
    append(&mut text, &names, &widths);
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    text.push_str(&rules.join("  "));
    text.push('\n');
    for row in &answer.rows {
        let cells: Vec<Cell<'_>> = row.iter().map(|field| cell(field.as_deref())).collect();
        append(&mut text, &cells, &widths);
    }
    if answer.rows.is_empty() {
        text.push_str("(nothing)\n");
    }
    text
}

/// The answer as CSV, with a line of names; what is not known is empty.
pub fn csv(answer: &Answer) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&answer.columns)?;
    for row in &answer.rows {
        writer.write_record(row.iter().map(|field| field.as_deref().unwrap_or_default()))?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

struct Cell<'a> {
    text: &'a str,
    is_number: bool,
}

fn cell(field: Option<&str>) -> Cell<'_> {
    match field {
        Some("t") => Cell { text: "yes", is_number: false },
        Some("f") => Cell { text: "no", is_number: false },
        Some(text) => Cell { text, is_number: text.parse::<f64>().is_ok() },
        None => Cell { text: "", is_number: false },
    }
}

fn width(answer: &Answer, at: usize) -> usize {
    let fields = answer.rows.iter().filter_map(|row| row.get(at)?.as_deref());
    let longest = fields.map(|text| cell(Some(text)).text.chars().count()).max();
    longest.unwrap_or(0).max(answer.columns[at].chars().count())
}

fn append(text: &mut String, cells: &[Cell<'_>], widths: &[usize]) {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let blank = " ".repeat(width.saturating_sub(cell.text.chars().count()));
        match cell.is_number {
            true => line.extend([blank.as_str(), cell.text]),
            false => line.extend([cell.text, blank.as_str()]),
        }
        line.push_str("  ");
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests;
