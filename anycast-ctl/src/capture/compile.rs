//! From an expression to what the program asks of a packet: single tests, and terms over them, any of which must hold.

use anycast_common::{
    address::Address,
    tap::{Atom, Filter, MAX_ATOMS, MAX_TERMS, Term, word, word::Field},
};
use ipnet::IpNet;

use super::expression::{End, Expression, ExpressionError, Name, Test};

/// Terms on the way, before those that others make superfluous are taken out.
const MAX_INTERMEDIATE: usize = 1024;

/// Who knows the numbers of names.
pub trait Names {
    /// The number of a VIP.
    ///
    /// # Errors
    /// What to say of a name that is none.
    fn vip(&self, name: &str) -> Result<u16, String>;
    /// The number of a pool.
    ///
    /// # Errors
    /// As above.
    fn pool(&self, name: &str) -> Result<u16, String>;
    /// The index of a backend.
    ///
    /// # Errors
    /// As above.
    fn backend(&self, pool: &str, name: &str) -> Result<u16, String>;
}

/// The filter of an expression, whose text is for messages; of none: everything passes.
///
/// # Errors
/// Names that nobody has, and what is too large for the program.
pub fn compile(
    text: &str,
    expression: Option<&Expression>,
    names: &impl Names,
) -> Result<Filter, ExpressionError> {
    let Some(expression) = expression else { return Ok(Filter::ALL) };
    let mut compiler = Compiler { text, names, atoms: Vec::new() };
    let terms = compiler.terms(expression, true)?;
    if terms.is_empty() {
        return Err(ExpressionError::new(text, 0, "no packet can be all of that"));
    }
    let too_large = format!(
        "it is too large: it comes to {} alternatives of {} tests, and the program has room for {MAX_TERMS} and {MAX_ATOMS}; \
         split it into several captures",
        terms.len(),
        compiler.atoms.len()
    );
    Filter::new(&compiler.atoms, &terms).ok_or_else(|| ExpressionError::new(text, 0, too_large))
}

struct Compiler<'a, N> {
    text: &'a str,
    names: &'a N,
    atoms: Vec<Atom>,
}

impl<N: Names> Compiler<'_, N> {
    /// Terms of which one holds if the expression does; or if it does not.
    fn terms(&mut self, expression: &Expression, holds: bool) -> Result<Vec<Term>, ExpressionError> {
        match (expression, holds) {
            (Expression::Test(test), _) => {
                let bit = self.bit(test)?;
                Ok(vec![Term { care: bit, want: if holds { bit } else { 0 } }])
            }
            (Expression::Not(inner), _) => self.terms(inner, !holds),
            // De Morgan's laws.
            (Expression::And(left, right), true) | (Expression::Or(left, right), false) => {
                let (left, right) = (self.terms(left, holds)?, self.terms(right, holds)?);
                let both = left.iter().flat_map(|a| right.iter().filter_map(|b| together(*a, *b)));
                self.without_superfluous(both)
            }
            (Expression::Or(left, right), true) | (Expression::And(left, right), false) => {
                let (left, right) = (self.terms(left, holds)?, self.terms(right, holds)?);
                self.without_superfluous(left.into_iter().chain(right))
            }
        }
    }

    /// Leaves out terms that only hold when another one does.
    fn without_superfluous(&self, terms: impl Iterator<Item = Term>) -> Result<Vec<Term>, ExpressionError> {
        let implies = |narrow: &Term, wide: &Term| {
            narrow.care & wide.care == wide.care && narrow.want & wide.care == wide.want
        };
        let mut kept: Vec<Term> = Vec::new();
        for term in terms {
            if kept.iter().any(|wide| implies(&term, wide)) {
                continue;
            }
            kept.retain(|narrow| !implies(narrow, &term));
            kept.push(term);
            if kept.len() > MAX_INTERMEDIATE {
                let message =
                    format!("it is too large: it comes to more than {MAX_INTERMEDIATE} alternatives");
                return Err(ExpressionError::new(self.text, 0, message));
            }
        }
        Ok(kept)
    }

    /// The bit of a test, which is noted if it is another one than those so far.
    fn bit(&mut self, test: &Test) -> Result<u32, ExpressionError> {
        let atom = self.atom(test)?;
        let place = self.atoms.iter().position(|known| *known == atom).unwrap_or(self.atoms.len());
        if place == self.atoms.len() {
            self.atoms.push(atom);
        }
        if place >= MAX_ATOMS {
            let message = format!("it is too large: it has more than {MAX_ATOMS} tests");
            return Err(ExpressionError::new(self.text, 0, message));
        }
        Ok(1 << place)
    }

    fn atom(&self, test: &Test) -> Result<Atom, ExpressionError> {
        let port = |end| match end {
            End::Source => word::SOURCE_PORT,
            End::Destination => word::DESTINATION_PORT,
        };
        Ok(match test {
            Test::Net(end, net) => prefix(*end, *net),
            Test::Port(end, first, last) => {
                with_ports(between(port(*end), u64::from(*first), u64::from(*last)))
            }
            Test::Protocol(number) => equal(word::PROTOCOL, u64::from(*number)),
            Test::Family(version) => equal(word::FAMILY, u64::from(*version)),
            Test::Flags(mask, value) => flags(*mask, *value),
            Test::Length(least, most) => between(word::LENGTH, u64::from(*least), u64::from(*most)),
            Test::Vip(name) => equal(word::VIP, u64::from(self.known(name, |text| self.names.vip(text))?)),
            Test::Pool(name) => {
                equal(word::POOL, u64::from(self.known(name, |text| self.names.pool(text))?) + 1)
            }
            Test::Backend(name) => {
                let index = self.known(name, |text| {
                    let (pool, backend) = text.split_once('/').unwrap_or((text, ""));
                    self.names.backend(pool, backend)
                })?;
                equal(word::BACKEND, u64::from(index))
            }
            Test::Reason(code) => equal(word::REASON, u64::from(*code)),
            Test::Verdict(code) => equal(word::VERDICT, u64::from(*code)),
            Test::Why(code) => equal(word::WHY, u64::from(*code) + 1),
        })
    }

    fn known(
        &self,
        name: &Name,
        number: impl FnOnce(&str) -> Result<u16, String>,
    ) -> Result<u16, ExpressionError> {
        number(&name.text).map_err(|message| ExpressionError::new(self.text, name.at, message))
    }
}

/// What holds if both do; `None`: they contradict each other.
fn together(a: Term, b: Term) -> Option<Term> {
    let agree = (a.want ^ b.want) & a.care & b.care == 0;
    agree.then_some(Term { care: a.care | b.care, want: a.want | b.want })
}

/// A field that has a value from the one to the other.
fn between(field: Field, least: u64, most: u64) -> Atom {
    let mask = ((1 << field.bits) - 1) << field.shift;
    single(field.word, mask, least << field.shift, most << field.shift)
}

fn equal(field: Field, value: u64) -> Atom {
    between(field, value, value)
}

/// The same, of packets with ports only: that bit lies above both.
fn with_ports(mut atom: Atom) -> Atom {
    let bit = 1 << word::HAS_PORTS.shift;
    for (mask, low) in atom.masks.iter_mut().zip(&mut atom.lows) {
        if *mask != 0 {
            *mask |= bit;
            *low |= bit;
        }
    }
    atom
}

/// A value that has bits outside the mask holds for nothing, as it does in tcpdump.
fn flags(mask: u8, value: u8) -> Atom {
    let shift = word::TCP_FLAGS.shift;
    let (mask, value) = (u64::from(mask) << shift, u64::from(value) << shift);
    single(word::TCP_FLAGS.word, mask, value, value)
}

/// A word that, masked, has a value from the one to the other.
fn single(place: usize, mask: u64, low: u64, high: u64) -> Atom {
    let of = |value| if place.is_multiple_of(2) { [value, 0] } else { [0, value] };
    Atom { masks: of(mask), lows: of(low), spans: of(high - low), pair: place as u64 / 2 }
}

/// An address whose first bits are those of a network.
fn prefix(end: End, net: IpNet) -> Atom {
    let address = Address::from(net.network());
    let length = match net {
        IpNet::V4(v4) => u32::from(v4.prefix_len()) + 96,
        IpNet::V6(v6) => u32::from(v6.prefix_len()),
    };
    let ones = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    let masks = Address::from_v6(ones.to_be_bytes()).words();
    let pair = match end {
        End::Source => 0,
        End::Destination => 1,
    };
    Atom { masks, lows: address.words(), spans: [0; 2], pair }
}

#[cfg(test)]
mod tests;
