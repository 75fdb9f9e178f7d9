//! Business hours and priorities as call schedulers write them.

use super::answer::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// From one time of the day to another, on some days of the week.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BusinessHours {
    /// HH:MM
    #[schema(example = "09:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    start: String,
    /// HH:MM, not included; before start: on the next day.
    #[schema(example = "18:00", pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
    end: String,
    /// IANA zone of these hours.
    #[schema(example = "Asia/Kolkata")]
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    /// 1 is Monday, 7 (or 0) is Sunday; default Monday to Friday.
    #[schema(example = json!([1, 2, 3, 4, 5]), min_items = 1, max_items = 7)]
    #[serde(skip_serializing_if = "Option::is_none")]
    days_of_week: Option<Vec<u8>>,
}

const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];

impl BusinessHours {
    /// As `dialer.hours`, and their zone.
    pub fn written(&self, default_timezone: &str) -> Result<(String, String), Refusal> {
        let (start, end) = (time("start", &self.start)?, time("end", &self.end)?);
        if start == end || start == "24:00" {
            let message = format!("businessHours from {start} to {end} are none");
            return Err(
                Refusal::invalid(message).with_hint("leave businessHours out for no restriction")
            );
        }
        let days = self.days_of_week.as_deref().unwrap_or(&[1, 2, 3, 4, 5]);
        let mut names = Vec::new();
        for day in days {
            let place = match day {
                0 => 6,
                1..=7 => usize::from(*day) - 1,
                _ => return Err(Refusal::invalid(format!("daysOfWeek are 0 to 7, not {day}"))),
            };
            if !names.contains(&DAYS[place]) {
                names.push(DAYS[place]);
            }
        }
        if names.is_empty() {
            return Err(Refusal::invalid(
                "daysOfWeek are empty: such a call could never be placed",
            ));
        }
        let zone = self.timezone.as_deref().unwrap_or(default_timezone);
        Ok((format!("{} {start}-{end}", names.join(",")), zone.to_owned()))
    }
}

/// HH:MM, also written as H:MM.
fn time(name: &str, text: &str) -> Result<String, Refusal> {
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let is_number = |part: &str| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(hour) || !is_number(minute) || minute.len() != 2 {
            return None;
        }
        let (hour, minute) = (hour.parse::<u8>().ok()?, minute.parse::<u8>().ok()?);
        let is_time = (hour < 24 && minute < 60) || (hour == 24 && minute == 0);
        is_time.then(|| format!("{hour:02}:{minute:02}"))
    };
    read().ok_or_else(|| Refusal::invalid(format!("businessHours.{name} is HH:MM, not {text:?}")))
}

/// Who is called first.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(untagged, expecting = "expected high, medium, low, or a whole number from 1 to 100")]
pub enum Priority {
    Named(Named),
    /// 1 is first, 5 is usual, 100 is last.
    Number(i32),
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PriorityName)]
pub enum Named {
    High,
    Medium,
    Low,
}

impl Priority {
    pub fn number(&self) -> Result<i32, Refusal> {
        match self {
            Priority::Named(Named::High) => Ok(1),
            Priority::Named(Named::Medium) => Ok(5),
            Priority::Named(Named::Low) => Ok(10),
            Priority::Number(number) if (1..=100).contains(number) => Ok(*number),
            Priority::Number(number) => Err(Refusal::invalid(format!(
                "priority is high, medium, low or 1 to 100, not {number}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
