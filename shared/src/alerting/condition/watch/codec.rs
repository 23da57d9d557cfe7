//! A watch in the packed state of its lane: a byte of flags, the incident if there is one, the abnormal points.

use super::{Abnormal, Incident, Watch};
use crate::alerting::condition::anomaly::{Deviation, Size};
use crate::alerting::state::BadState;
use crate::alerting::state::bytes::{Reader, put_signed};
use prediction::detect::{Direction, Ending, Finding, Kind, Member, Range, Severity};

const LEARNED: u8 = 1;
const INCIDENT: u8 = 2;
const DIRECTIONS: &[Direction] = &[Direction::Both, Direction::Up, Direction::Down];

impl Watch {
    /// Appends the packed watch.
    pub(in crate::alerting) fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.learned) * LEARNED + u8::from(self.incident.is_some()) * INCIDENT);
        put_ending(out, self.ending);
        if let Some(incident) = &self.incident {
            put_finding(out, &incident.finding);
            put_deviation(out, &incident.worst);
            put_ending(out, incident.ended);
        }
        #[expect(clippy::cast_possible_truncation, reason = "as many as points are kept")]
        out.push(self.abnormal.len() as u8);
        for Abnormal { age, deviation } in &self.abnormal {
            out.push(*age);
            put_deviation(out, deviation);
        }
    }

    /// Reads a watch, and leaves what follows.
    ///
    /// # Errors
    /// [`BadState`] for anything that [`Watch::encode`] did not write.
    pub(in crate::alerting) fn decode(reader: &mut Reader<'_>) -> Result<Self, BadState> {
        let flags = reader.byte()?;
        if flags > LEARNED + INCIDENT {
            return Err(BadState("unknown flags of a watch"));
        }
        let mut watch = Self {
            learned: flags & LEARNED != 0,
            ending: ending(reader)?,
            ..Self::default()
        };
        if flags & INCIDENT != 0 {
            watch.incident = Some(Box::new(Incident {
                finding: finding(reader)?,
                worst: deviation(reader)?,
                ended: ending(reader)?,
            }));
        }
        for _ in 0..reader.byte()? {
            let age = reader.byte()?;
            let before = watch.abnormal.last().map_or(Self::POINTS, |point| point.age);
            if age >= before {
                return Err(BadState("the abnormal points are not in order"));
            }
            let deviation = deviation(reader)?;
            watch.abnormal.push(Abnormal { age, deviation });
        }
        Ok(watch)
    }
}

fn put_finding(out: &mut Vec<u8>, finding: &Finding) {
    put_signed(out, finding.since);
    put_signed(out, finding.at);
    out.push(place(Kind::ALL, finding.kind));
    out.push(place(Severity::ALL, finding.severity));
    out.push(place(DIRECTIONS, finding.direction));
    out.push(place(Member::ALL, finding.member));
    put_signed(out, i64::from(finding.ordinal));
    put_optional(out, finding.value);
    for number in [
        finding.range.expected,
        finding.range.lower,
        finding.range.upper,
        finding.evidence,
        finding.score,
    ] {
        put_number(out, number);
    }
}

fn finding(reader: &mut Reader<'_>) -> Result<Finding, BadState> {
    Ok(Finding {
        since: reader.signed()?,
        at: reader.signed()?,
        kind: one_of(Kind::ALL, reader)?,
        severity: one_of(Severity::ALL, reader)?,
        direction: one_of(DIRECTIONS, reader)?,
        member: one_of(Member::ALL, reader)?,
        ordinal: u32::try_from(reader.signed()?).map_err(|_| BadState("an ordinal is out of range"))?,
        value: optional(reader)?,
        range: Range {
            expected: number(reader)?,
            lower: number(reader)?,
            upper: number(reader)?,
        },
        evidence: number(reader)?,
        score: number(reader)?,
    })
}

fn put_deviation(out: &mut Vec<u8>, deviation: &Deviation) {
    out.push(place(Severity::ALL, deviation.severity));
    out.push(place(DIRECTIONS, deviation.direction));
    put_optional(out, deviation.size.map(|size| size.value));
    if let Some(size) = deviation.size {
        put_number(out, size.expected);
    }
}

fn deviation(reader: &mut Reader<'_>) -> Result<Deviation, BadState> {
    Ok(Deviation {
        severity: one_of(Severity::ALL, reader)?,
        direction: one_of(DIRECTIONS, reader)?,
        size: match optional(reader)? {
            None => None,
            Some(value) => Some(Size {
                value,
                expected: number(reader)?,
            }),
        },
    })
}

/// One more than its place; 0 is none.
fn put_ending(out: &mut Vec<u8>, ending: Option<Ending>) {
    out.push(ending.map_or(0, |ending| place(Ending::ALL, ending) + 1));
}

fn ending(reader: &mut Reader<'_>) -> Result<Option<Ending>, BadState> {
    match reader.byte()? {
        0 => Ok(None),
        more => match Ending::ALL.get(usize::from(more) - 1) {
            Some(ending) => Ok(Some(*ending)),
            None => Err(BadState("an ending is not known")),
        },
    }
}

fn place<T: PartialEq>(all: &[T], one: T) -> u8 {
    let place = all.iter().position(|other| *other == one);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or_default()
}

fn one_of<T: Copy>(all: &[T], reader: &mut Reader<'_>) -> Result<T, BadState> {
    all.get(usize::from(reader.byte()?))
        .copied()
        .ok_or(BadState("a name is not known"))
}

fn put_number(out: &mut Vec<u8>, number: f64) {
    out.extend_from_slice(&number.to_bits().to_be_bytes());
}

fn number(reader: &mut Reader<'_>) -> Result<f64, BadState> {
    Ok(f64::from_bits(u64::from_be_bytes(reader.array()?)))
}

fn put_optional(out: &mut Vec<u8>, number: Option<f64>) {
    out.push(u8::from(number.is_some()));
    if let Some(number) = number {
        put_number(out, number);
    }
}

fn optional(reader: &mut Reader<'_>) -> Result<Option<f64>, BadState> {
    match reader.byte()? {
        0 => Ok(None),
        1 => number(reader).map(Some),
        _ => Err(BadState("a number is neither there nor not")),
    }
}
