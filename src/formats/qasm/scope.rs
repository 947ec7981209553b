//! Names in scope while a circuit is unrolled.

use super::ast::{Name, TypeName};
use super::value::Value;
use crate::error::{Error, Result, nearest};
use std::collections::HashMap;
use std::rc::Rc;

/// A run of qubits or bits: a single one, or a register (which gate calls broadcast over).
#[derive(Debug, Clone, PartialEq)]
pub enum Run {
    /// One qubit or bit.
    One(usize),
    /// A register, an alias or a slice.
    Register(Rc<[usize]>),
}

impl Run {
    /// Its qubits or bits, in order.
    pub fn as_slice(&self) -> &[usize] {
        match self {
            Run::One(index) => std::slice::from_ref(index),
            Run::Register(indices) => indices,
        }
    }
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Symbol {
    /// Qubits.
    Qubits(Run),
    /// Classical bits, whose values are known only while the circuit runs.
    Bits(Run),
    /// A classical variable, whose value is known while the circuit is unrolled.
    Variable {
        /// Its value; none before the first assignment.
        value: Option<Value>,
        /// Its type and width in bits.
        type_name: (TypeName, Option<u32>),
        /// Whether it cannot be assigned to.
        constant: bool,
    },
}

/// The scopes: the global one, and a stack of local names split into blocks and frames.
#[derive(Default)]
pub struct Scopes {
    globals: HashMap<Name, Symbol>,
    locals: Vec<(Name, Symbol)>,
    /// Where each open block starts in `locals`.
    blocks: Vec<usize>,
    /// Locals below this one belong to the caller of the gate that is being expanded.
    frame: usize,
    /// Whether a gate is being expanded: then only constants are seen of the globals.
    in_gate: bool,
}

/// What [`Scopes::leave_gate`] goes back to.
pub struct Frame {
    locals: usize,
    frame: usize,
    in_gate: bool,
}

impl Scopes {
    /// What the name stands for here.
    pub fn find(&self, name: &str) -> Option<&Symbol> {
        let local = self.locals[self.frame..].iter().rev().find(|(known, _)| &**known == name);
        if let Some((_, symbol)) = local {
            return Some(symbol);
        }
        self.globals
            .get(name)
            .filter(|symbol| !self.in_gate || matches!(symbol, Symbol::Variable { constant: true, .. }))
    }

    /// The same, to change it; and the number of local names below it (0 for a global one).
    pub fn find_mut(&mut self, name: &str) -> Option<(&mut Symbol, usize)> {
        match self.locals[self.frame..].iter().rposition(|(known, _)| &**known == name) {
            Some(position) => Some((&mut self.locals[self.frame + position].1, self.frame + position + 1)),
            None => self.globals.get_mut(name).map(|symbol| (symbol, 0)),
        }
    }

    /// Adds a name to the innermost block.
    ///
    /// # Errors
    /// Input error when the block has the name already.
    pub fn declare(&mut self, name: &Name, symbol: Symbol) -> Result<()> {
        let Some(&block) = self.blocks.last() else {
            if self.globals.contains_key(name) {
                return Err(Error::input(format!("`{name}` is declared twice")));
            }
            self.globals.insert(name.clone(), symbol);
            return Ok(());
        };
        if self.locals[block..].iter().any(|(known, _)| known == name) {
            return Err(Error::input(format!("`{name}` is declared twice")));
        }
        self.locals.push((name.clone(), symbol));
        Ok(())
    }

    /// Adds a name to the locals without looking for another one: parameters of a gate, a loop variable.
    pub fn bind(&mut self, name: &Name, symbol: Symbol) {
        self.locals.push((name.clone(), symbol));
    }

    /// Whether names declared now are global.
    pub fn is_global(&self) -> bool {
        self.blocks.is_empty() && !self.in_gate
    }

    /// Opens a block.
    pub fn open(&mut self) {
        self.blocks.push(self.locals.len());
    }

    /// Closes the innermost block and forgets its names.
    pub fn close(&mut self) {
        let start = self.blocks.pop().expect("every block that closes was opened");
        self.locals.truncate(start);
    }

    /// Number of local names now.
    pub fn depth(&self) -> usize {
        self.locals.len()
    }

    /// Hides the caller's names; the names bound next are the gate's.
    pub fn enter_gate(&mut self) -> Frame {
        let before = Frame { locals: self.locals.len(), frame: self.frame, in_gate: self.in_gate };
        (self.frame, self.in_gate) = (self.locals.len(), true);
        before
    }

    /// Ends what [`Scopes::enter_gate`] began.
    pub fn leave_gate(&mut self, before: Frame) {
        self.locals.truncate(before.locals);
        (self.frame, self.in_gate) = (before.frame, before.in_gate);
    }

    /// The error for a name that stands for nothing here.
    pub fn unknown(&self, what: &str, name: &str) -> Error {
        let error = Error::input(format!("unknown {what} `{name}`"));
        let locals = self.locals[self.frame..].iter().map(|(known, _)| &**known);
        match nearest(name, locals.chain(self.globals.keys().map(|known| &**known))) {
            Some(near) => error.next(format!("did you mean `{near}`?")),
            None => error,
        }
    }
}
