//! Gate definitions and calls: broadcast over registers, expansion, modified calls.

use super::super::ast::{Call, Definition, Name, Statement, StatementKind, TypeName};
use super::super::parser::Version;
use super::super::scope::{Run, Symbol};
use super::super::value::{Division, Value};
use super::Expander;
use super::modifier::{self, Applied};
use super::operand::check_distinct;
use crate::error::{Error, Result, nearest};
use crate::linalg::Matrix;
use crate::model::gate::{GATES, GateKind, Library};
use crate::model::{Gate, Operation, Unitary};
use num_complex::Complex64;
use std::path::PathBuf;
use std::rc::Rc;

/// What a gate's name stands for.
#[derive(Clone)]
pub enum KnownGate {
    /// A gate of a library or of the language.
    Library(&'static GateKind, Library),
    /// A definition, and the file it stands in.
    Defined(Rc<Definition>, Rc<PathBuf>),
    /// Declared without a definition.
    Opaque,
}

impl Expander<'_> {
    /// Makes the gates of a library known; names that are known already stay what they are.
    pub(super) fn add_library(&mut self, library: Library) {
        for kind in GATES.iter().filter(|kind| kind.is_in(library)) {
            self.gates.entry(kind.name.into()).or_insert(KnownGate::Library(kind, library));
        }
    }

    pub(super) fn define(&mut self, definition: &Rc<Definition>) -> Result<()> {
        self.check_free(&definition.name)?;
        self.check_calls(&definition.name, &definition.body)?;
        let known = KnownGate::Defined(definition.clone(), Rc::new(self.file.clone()));
        self.gates.insert(definition.name.clone(), known);
        Ok(())
    }

    pub(super) fn define_opaque(&mut self, name: &Name) -> Result<()> {
        self.check_free(name)?;
        self.gates.insert(name.clone(), KnownGate::Opaque);
        Ok(())
    }

    /// Whether a gate of this name may be defined; one of `qelib1.inc` may be replaced.
    fn check_free(&self, name: &str) -> Result<()> {
        if !self.scopes.is_global() {
            return Err(Error::input(format!("gate `{name}` must not be defined in a block")));
        }
        let built_in = name == "gphase" && self.version == Version::Three;
        match self.gates.get(name) {
            None | Some(KnownGate::Library(_, Library::Qelib1)) if !built_in => Ok(()),
            Some(KnownGate::Library(_, Library::Stdgates)) => {
                Err(Error::input(format!("gate `{name}` is defined by `stdgates.inc`"))
                    .next("give your gate another name"))
            }
            Some(KnownGate::Defined(..) | KnownGate::Opaque) => {
                Err(Error::input(format!("gate `{name}` is defined twice")))
            }
            _ => {
                Err(Error::input(format!("gate `{name}` is built into the language"))
                    .next("give your gate another name"))
            }
        }
    }

    /// A definition may call only gates that are known before it, which excludes itself.
    fn check_calls(&self, name: &str, body: &[Statement]) -> Result<()> {
        for statement in body {
            let checked = match &statement.kind {
                StatementKind::Call(call) if &*call.name == name => {
                    Err(Error::input(format!("gate `{name}` calls itself")))
                }
                StatementKind::Call(call) => self.known_gate(&call.name).map(|_| ()),
                StatementKind::For { body, .. } | StatementKind::Block(body) => self.check_calls(name, body),
                StatementKind::If { then, otherwise, .. } => {
                    self.check_calls(name, then).and_then(|()| self.check_calls(name, otherwise))
                }
                _ => Ok(()),
            };
            checked.map_err(|error| error.at_line(statement.line))?;
        }
        Ok(())
    }

    /// The gate of this name; `None` for `gphase`.
    fn known_gate(&self, name: &str) -> Result<Option<KnownGate>> {
        if name == "gphase" && self.version == Version::Three {
            return Ok(None);
        }
        self.gates.get(name).cloned().map(Some).ok_or_else(|| self.unknown_gate(name))
    }

    fn unknown_gate(&self, name: &str) -> Error {
        let error = Error::input(format!("unknown gate `{name}`"));
        let libraries = match self.version {
            Version::Two => &[(Library::Qelib1, "qelib1.inc")][..],
            Version::Three => &[(Library::Stdgates, "stdgates.inc"), (Library::Qelib1, "qelib1.inc")],
        };
        let kind = GATES.iter().find(|kind| kind.name == name);
        let home = libraries.iter().find(|(library, _)| kind.is_some_and(|kind| kind.is_in(*library)));
        if let Some((_, file)) = home {
            return error.next(format!("add `include \"{file}\";` at the top of the file, or define the gate"));
        }
        match nearest(name, self.gates.keys().map(|known| &**known)) {
            Some(near) => error.next(format!("did you mean `{near}`? Otherwise define the gate")),
            None => error.next("define the gate, or include the file that does"),
        }
    }

    pub(super) fn call(&mut self, call: &Call) -> Result<()> {
        let gate = self.known_gate(&call.name)?;
        let parameters = call.parameters.iter().map(|value| self.evaluate(value, Division::Real)?.real());
        let parameters = parameters.collect::<Result<Vec<_>>>()?;
        let modifiers = call.modifiers.iter().map(|one| self.modifier(one)).collect::<Result<Vec<_>>>()?;
        let runs = call.operands.iter().map(|operand| self.qubits(operand)).collect::<Result<Vec<_>>>()?;
        let whole = matches!(gate, Some(KnownGate::Defined(..))) && self.whole.contains(&*call.name);
        for pass in 0..broadcast(&call.name, &runs)? {
            let qubits: Vec<usize> = runs.iter().map(|run| element(run, pass)).collect();
            check_distinct(&qubits, || format!("gate `{}` is called with the same qubit twice", call.name))?;
            match modifiers.is_empty() && !whole {
                true => self.apply(&call.name, gate.as_ref(), &parameters, &qubits)?,
                false => self.apply_modified(&call.name, gate.as_ref(), &modifiers, &parameters, qubits)?,
            }
        }
        Ok(())
    }

    fn apply(&mut self, name: &str, gate: Option<&KnownGate>, parameters: &[f64], qubits: &[usize]) -> Result<()> {
        let shape = match gate {
            None => (1, 0),
            Some(KnownGate::Library(kind, _)) => (kind.parameters, kind.qubits()),
            Some(KnownGate::Defined(definition, _)) => (definition.parameters.len(), definition.qubits.len()),
            Some(KnownGate::Opaque) => {
                return Err(Error::input(format!("gate `{name}` is opaque: it has no definition to simulate"))
                    .next("define it with `gate`"));
            }
        };
        check_count(name, "parameter", shape.0, parameters.len())?;
        check_count(name, "qubit", shape.1, qubits.len())?;
        match gate {
            Some(KnownGate::Library(kind, _)) => self.emit_gate(kind.apply(parameters, qubits)),
            Some(KnownGate::Defined(definition, file)) => self
                .expand(definition, parameters, qubits)
                .map_err(|error| if **file == self.file { error } else { error.in_file(file.display()) }),
            _ => self.global_phase(parameters[0]),
        }
    }

    /// Adds a gate to the circuit, or its unitaries to the modified gate that is being collected.
    fn emit_gate(&mut self, gate: Gate) -> Result<()> {
        match &mut self.composite {
            None => self.emit(Operation::Gate(gate)),
            Some(body) => {
                let added = gate.body.len();
                body.extend(gate.body);
                self.count(1 + added)
            }
        }
    }

    /// `gphase(angle)`: without effect unless a modifier turns it into a relative phase.
    fn global_phase(&mut self, angle: f64) -> Result<()> {
        if let Some(body) = &mut self.composite {
            let matrix = Matrix::from_elem((1, 1), Complex64::cis(angle));
            body.push(Unitary { controls: vec![], targets: vec![], matrix });
        }
        self.count(1)
    }

    /// Carries out the body of a definition.
    fn expand(&mut self, definition: &Definition, parameters: &[f64], qubits: &[usize]) -> Result<()> {
        let (frame, line_was_fixed) = (self.scopes.enter_gate(), self.line_is_fixed);
        self.line_is_fixed = true;
        self.bind_arguments(definition, parameters, qubits);
        definition.body.iter().try_for_each(|statement| self.execute(statement))?;
        self.scopes.leave_gate(frame);
        self.line_is_fixed = line_was_fixed;
        Ok(())
    }

    fn bind_arguments(&mut self, definition: &Definition, parameters: &[f64], qubits: &[usize]) {
        for (name, &value) in definition.parameters.iter().zip(parameters) {
            let value = Some(Value::Real(value));
            self.scopes.bind(name, Symbol::Variable { value, type_name: (TypeName::Angle, None), constant: true });
        }
        for (name, &qubit) in definition.qubits.iter().zip(qubits) {
            self.scopes.bind(name, Symbol::Qubits(Run::One(qubit)));
        }
    }

    /// A call with modifiers: one gate on all its qubits.
    fn apply_modified(
        &mut self,
        name: &str,
        gate: Option<&KnownGate>,
        modifiers: &[Applied],
        parameters: &[f64],
        qubits: Vec<usize>,
    ) -> Result<()> {
        let controls: usize = modifiers.iter().map(Applied::controls).sum();
        if controls > qubits.len() {
            return Err(Error::input(format!(
                "the modifiers of `{name}` need {controls} control(s), {} given",
                qubits.len()
            )));
        }
        let outer = self.composite.replace(vec![]);
        self.apply(name, gate, parameters, &qubits[controls..])?;
        let body = std::mem::replace(&mut self.composite, outer).unwrap_or_default();
        let body = modifier::apply(modifiers, body, &qubits)?;
        let prefix: String = modifiers.iter().map(|modifier| format!("{modifier} @ ")).collect();
        self.emit_gate(Gate { name: format!("{prefix}{name}"), qubits, body })
    }
}

/// Number of calls that a call over registers stands for: their common size, or 1 without a register.
fn broadcast(name: &str, runs: &[Run]) -> Result<usize> {
    let mut sizes = runs.iter().filter_map(|run| match run {
        Run::One(_) => None,
        Run::Register(elements) => Some(elements.len()),
    });
    let Some(first) = sizes.next() else { return Ok(1) };
    match sizes.find(|size| *size != first) {
        None => Ok(first),
        Some(other) => Err(Error::input(format!("gate `{name}` is called on registers of {first} and {other} qubits"))
            .allowed("single qubits, and registers of one size")),
    }
}

fn element(run: &Run, pass: usize) -> usize {
    match run {
        Run::One(qubit) => *qubit,
        Run::Register(elements) => elements[pass],
    }
}

fn check_count(name: &str, what: &str, needed: usize, given: usize) -> Result<()> {
    if needed == given {
        return Ok(());
    }
    Err(Error::input(format!("gate `{name}` takes {needed} {what}(s), {given} given")))
}
