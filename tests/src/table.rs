//! Rows of a query as an aligned table.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// Headings and rows, columns as wide as their widest cell.
pub fn table(headings: &[&str], rows: &[Row]) -> String {
    let mut lines = vec![headings.iter().map(|heading| (*heading).to_owned()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| (0..row.len()).map(|column| cell(row, column)).collect()));
    let widths: Vec<usize> = (0..headings.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn cell(row: &Row, column: usize) -> String {
    match *row.columns()[column].type_() {
        Type::INT8 => row.get::<_, Option<i64>>(column).map(|value| value.to_string()),
        Type::INT4 => row.get::<_, Option<i32>>(column).map(|value| value.to_string()),
        _ => row.get::<_, Option<String>>(column),
    }
    .unwrap_or_default()
}
