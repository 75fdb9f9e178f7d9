-- Holiday calendars: the dates of iCalendar text and of plain lists.
--
-- For anybody; import_closures stores them. Nothing is stored here and nothing reads the clock.

create function dialer.ical_dates(ical text, until_on date)
returns table (line integer, closed_on date, name text, loaded_from date, loaded_until date)
immutable strict parallel safe cost 1000 rows 100
language c as 'MODULE_PATHNAME', 'ical_dates_wrapper';

comment on function dialer.ical_dates(text, date) is
    'The dates of the whole-day events of an iCalendar text (RFC 5545), with the line of the event and its name; endless yearly repetitions up to until_on. An event without a date (at a time of day, cancelled) gives a row with closed_on null that says why in name. loaded_from and loaded_until: the whole years that the text speaks for, up to the last with a date of its own. Error PD016, with the line, for what is not understood and could lose a date.
e.g. select line, closed_on, name from dialer.ical_dates(E''BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\nSUMMARY:Christmas\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR'', ''2028-12-31'')';

create function dialer.plain_dates(dates text)
returns table (line integer, closed_on date, name text, loaded_from date, loaded_until date)
immutable strict parallel safe cost 1000 rows 100
language c as 'MODULE_PATHNAME', 'plain_dates_wrapper';

comment on function dialer.plain_dates(text) is
    'The dates of a plain list: one date or from..to to a line, a label behind it if there is one, comments from # on. A line that is not understood gives a row with closed_on null whose name begins with invalid and says why. loaded_from and loaded_until: the whole years from the first date to the last. Error PD016 for more than 40000 dates.
e.g. select line, closed_on, name from dialer.plain_dates(E''# office\n2026-12-24..2026-12-25 Christmas\n24.12.'')';
