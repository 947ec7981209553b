//! Channels put together: gates into a channel, one channel after another, in canonical Kraus form.
//!
//! Kraus operators of a product are the products of Kraus operators, too many of them. The canonical ones are the
//! eigenvectors of the Choi matrix (Choi, Linear Algebra Appl. 10, 285, 1975), at most `4^k` on `k` qubits and mutually
//! orthogonal. Here the Choi matrix is written in the basis `P_i V`, with `P_i` the Pauli matrices and `V` the unitary
//! next to the strongest operator: `chi_ij = sum_a c_ai conj(c_aj)`, `c_ai = tr((P_i V)^dagger K_a) / 2^k`, of trace 1.
//! Pauli noise before, between and behind Clifford gates leaves `chi` diagonal, and the operators are found without
//! a decomposition; otherwise only what is connected is decomposed.
//!
//! Equal eigenvalues leave the choice of eigenvectors to rounding, on which nothing may hang. Among them those
//! nearest to the basis are taken, which for Pauli noise are unitary and so have the smallest possible norm.

use super::kraus::completeness;
use super::{Channel, strong};
use crate::linalg::{
    Matrix, adjoint, embedded, frobenius_norm, hermitian_eigen, hermitian_function, kronecker, multiply, spectral_norm,
};
use num_complex::Complex64;

/// Entries of `chi`, whose trace is 1, up to this are rounding: they connect nothing off the diagonal, and operators
/// of this weight are left out. (The bound on the rounding of two operations on two qubits is ten times as much.)
const NEGLIGIBLE: f64 = 1e-15;
/// Relative width of a cluster of eigenvalues that count as equal.
const CLUSTER_WIDTH: f64 = 1e-6;
/// The strongest operator has no unitary next to it if its smallest singular value, squared and relative to the
/// largest, is below this.
const SINGULAR: f64 = 1e-3;

/// A term `v v^dagger` of `chi`: an eigenvector, of the length of its eigenvalue's root.
struct Eigen {
    /// `|v|^2`.
    value: f64,
    /// The entries of `v` that are not zero.
    vector: Vec<(usize, Complex64)>,
    /// The basis element it is nearest to, or was chosen by.
    nearest: usize,
}

impl Channel {
    /// The same channel on `qubits` qubits, of which its own, in order, are those at `places`.
    pub fn embedded(&self, qubits: usize, places: &[usize]) -> Channel {
        let kraus = self.kraus.iter().map(|operator| embedded(operator, qubits, places)).collect();
        Channel { qubits, kraus, ..self.clone() }
    }

    /// A unitary first, then this channel: `K_a U`.
    pub fn preceded_by(&self, unitary: &Matrix) -> Channel {
        self.multiplied(|operator| multiply(operator, unitary))
    }

    /// This channel first, then a unitary: `U K_a`.
    pub fn followed_by(&self, unitary: &Matrix) -> Channel {
        self.multiplied(|operator| multiply(unitary, operator))
    }

    fn strongest(&self) -> &Matrix {
        let weights = self.kraus.iter().map(frobenius_norm).enumerate();
        let heavier = |best: (usize, f64), next: (usize, f64)| if next.1 > best.1 { next } else { best };
        &self.kraus[weights.reduce(heavier).map_or(0, |(index, _)| index)]
    }

    /// With unitary factors on its operators, which leave the bounds as they are.
    fn multiplied(&self, by: impl Fn(&Matrix) -> Matrix) -> Channel {
        Channel { name: FUSED.into(), kraus: self.kraus.iter().map(by).collect(), ..self.clone() }
    }

    /// This channel first, then `second`, on the same qubits; canonical Kraus operators, the strongest first.
    ///
    /// `None` if the result has more strong branches than the two have one after the other when the state is
    /// compressed in between: then it is better not to put them together.
    pub fn then(&self, second: &Channel) -> Option<Channel> {
        let allowed = strong(&self.bounds) + strong(&second.bounds);
        let [one, other] = [self, second].map(|channel| superoperator(&channel.kraus));
        let strongest = multiply(second.strongest(), self.strongest());
        let channel = canonical(self.qubits, &multiply(&other, &one), &strongest)?;
        (strong(&channel.bounds) <= allowed).then_some(channel)
    }
}

/// The name of a channel that stands for several operations.
const FUSED: &str = "fused";

/// The channel of a superoperator in canonical form, given an operator that is strong in it; `None` when an iteration
/// does not converge.
pub(super) fn canonical(qubits: usize, superoperator: &Matrix, strongest: &Matrix) -> Option<Channel> {
    let frame = nearest_unitary(strongest)?;
    let terms = eigen(&chi(superoperator, &frame))?;
    let (kraus, bounds): (Vec<Matrix>, Vec<f64>) = terms.iter().map(|term| operator(term, &frame)).unzip();
    Some(Channel { name: FUSED.into(), qubits, kraus: complete(kraus)?, bounds: level(bounds, &terms), note: None })
}

/// `sum_a K_a (x) conj(K_a)`: the channel as a matrix that acts on `rho` read row by row. Products of channels are
/// products of these, whose size does not hang on the number of operators.
pub(super) fn superoperator(operators: &[Matrix]) -> Matrix {
    let size = operators[0].len();
    let add = |sum: Matrix, operator: &Matrix| sum + kronecker(operator, &operator.mapv(|entry| entry.conj()));
    operators.iter().fold(Matrix::zeros((size, size)), add)
}

/// The unitary factor of the polar decomposition, `K (K^dagger K)^(-1/2)`; the identity if `K` is singular.
fn nearest_unitary(operator: &Matrix) -> Option<Matrix> {
    let gram = multiply(&adjoint(operator), operator);
    let (values, _) = hermitian_eigen(&gram)?;
    if values.first()? <= &(SINGULAR * values.last()?) {
        return Some(crate::linalg::identity(gram.nrows()));
    }
    Some(multiply(operator, &hermitian_function(&gram, |value| value.powf(-0.5).into())?))
}

/// The Choi matrix in the basis `P_i V`.
fn chi(superoperator: &Matrix, frame: &Matrix) -> Matrix {
    let (size, dimension) = (superoperator.nrows(), frame.nrows());
    let parts = |index: usize| (index / dimension, index % dimension);
    let choi = Matrix::from_shape_fn((size, size), |(left, right)| {
        let ((row, column), (to, from)) = (parts(left), parts(right));
        superoperator[(row * dimension + to, column * dimension + from)]
    });
    let overlap = Matrix::from_shape_fn((size, size), |(index, place)| {
        let (row, column) = parts(place);
        let (middle, entry) = pauli_entry(index, dimension, row);
        (entry * frame[(middle, column)]).conj() / dimension as f64
    });
    multiply(&multiply(&overlap, &choi), &adjoint(&overlap))
}

/// The entry of Pauli matrix `index` (bits of Z, then, more significant, of X) in this row; it stands in column
/// `row ^ flip`. Y is taken as `iXZ`.
fn pauli_entry(index: usize, dimension: usize, row: usize) -> (usize, Complex64) {
    let (flip, sign) = (index / dimension, index % dimension);
    let column = row ^ flip;
    let negative = !(sign & column).count_ones().is_multiple_of(2);
    let factor = Complex64::I.powu((flip & sign).count_ones());
    (column, if negative { -factor } else { factor })
}

/// The eigenvectors of `chi` that are not rounding, the strongest first.
fn eigen(chi: &Matrix) -> Option<Vec<Eigen>> {
    let mut pairs = Vec::new();
    for members in components(chi) {
        if let [single] = members[..] {
            let value = chi[(single, single)].re;
            pairs.push(Eigen { value, vector: vec![(single, value.max(0.0).sqrt().into())], nearest: single });
        } else {
            pairs.extend(decomposed(chi, &members)?);
        }
    }
    pairs.retain(|pair| pair.value > NEGLIGIBLE);
    pairs.sort_by(|one, other| other.value.total_cmp(&one.value));
    for cluster in clusters(&pairs) {
        pairs[cluster].sort_by_key(|pair| pair.nearest);
    }
    Some(pairs)
}

/// The runs of eigenvalues, in descending order, that count as equal.
fn clusters(pairs: &[Eigen]) -> Vec<std::ops::Range<usize>> {
    let mut clusters = Vec::new();
    let mut first = 0;
    while first < pairs.len() {
        let least = pairs[first].value * (1.0 - CLUSTER_WIDTH);
        let end = first + pairs[first..].iter().take_while(|pair| pair.value >= least).count();
        clusters.push(first..end);
        first = end;
    }
    clusters
}

/// The sets of basis elements that `chi` connects.
fn components(chi: &Matrix) -> Vec<Vec<usize>> {
    let mut component: Vec<usize> = (0..chi.nrows()).collect();
    for row in 0..chi.nrows() {
        for column in (0..row).filter(|column| chi[(row, *column)].norm() > NEGLIGIBLE) {
            let (from, to) = (component[row], component[column]);
            component.iter_mut().filter(|member| **member == from).for_each(|member| *member = to);
        }
    }
    let members = |root| (0..chi.nrows()).filter(|index| component[*index] == root).collect::<Vec<_>>();
    (0..chi.nrows()).map(members).filter(|members| !members.is_empty()).collect()
}

/// The eigenvectors within a component.
fn decomposed(chi: &Matrix, members: &[usize]) -> Option<Vec<Eigen>> {
    let size = members.len();
    let block = Matrix::from_shape_fn((size, size), |(row, column)| chi[(members[row], members[column])]);
    let (values, vectors) = hermitian_eigen(&block)?;
    let mut pairs = Vec::with_capacity(size);
    let mut last = size;
    while last > 0 && values[last - 1] > NEGLIGIBLE {
        let least = values[last - 1] * (1.0 - CLUSTER_WIDTH);
        let first = (0..last).find(|index| values[*index] >= least)?;
        let cluster = vectors.slice(ndarray::s![.., first..last]).to_owned();
        pairs.extend(terms(&cluster, &values[first..last]).into_iter().map(|(nearest, vector)| {
            let value = vector.iter().map(|entry| entry.norm_sqr()).sum();
            let vector = members.iter().copied().zip(vector).collect();
            Eigen { value, vector, nearest: members[nearest] }
        }));
        last = first;
    }
    Some(pairs)
}

/// Vectors `v` with `sum v v^dagger = E Lambda E^dagger` for a cluster of eigenvectors `E`, each with the basis element it was
/// chosen by: `v = E Lambda^(1/2) E^dagger q` for an orthonormal basis `q` of the span that depends on nothing but the span.
fn terms(eigenvectors: &Matrix, values: &[f64]) -> Vec<(usize, Vec<Complex64>)> {
    let mut scaled = eigenvectors.clone();
    scaled
        .columns_mut()
        .into_iter()
        .zip(values)
        .for_each(|(mut column, value)| column *= Complex64::from(value.sqrt()));
    let root = scaled.dot(&adjoint(eigenvectors));
    let basis = nearest_to_basis(eigenvectors.dot(&adjoint(eigenvectors)), values.len());
    basis.into_iter().map(|(nearest, vector)| (nearest, root.dot(&ndarray::Array1::from(vector)).to_vec())).collect()
}

/// An orthonormal basis of what the projector projects on: the basis element nearest to it projected, then the nearest to what is
/// left, and so on. With each vector, that element.
fn nearest_to_basis(mut projector: Matrix, count: usize) -> Vec<(usize, Vec<Complex64>)> {
    let mut basis = Vec::with_capacity(count);
    for _ in 0..count {
        let distances: Vec<f64> = projector.diag().iter().map(|entry| entry.re).collect();
        let largest = distances.iter().copied().fold(0.0, f64::max);
        let nearest = distances.iter().position(|value| *value >= largest * (1.0 - CLUSTER_WIDTH)).unwrap_or(0);
        let vector: Vec<Complex64> =
            projector.column(nearest).iter().map(|entry| entry / distances[nearest].sqrt()).collect();
        for (row, left) in vector.iter().enumerate() {
            for (column, right) in vector.iter().enumerate() {
                projector[(row, column)] -= left * right.conj();
            }
        }
        basis.push((nearest, vector));
    }
    basis
}

/// `sum_i v_i P_i V` and its squared spectral norm.
fn operator(pair: &Eigen, frame: &Matrix) -> (Matrix, f64) {
    let dimension = frame.nrows();
    let mut sum = Matrix::zeros(frame.dim());
    for (index, coefficient) in &pair.vector {
        for row in 0..dimension {
            let (column, entry) = pauli_entry(*index, dimension, row);
            sum[(row, column)] += coefficient * entry;
        }
    }
    let bound = if pair.vector.len() == 1 { pair.value } else { spectral_norm(&sum).powi(2) };
    (multiply(&sum, frame), bound)
}

/// `K_a (sum_b K_b^dagger K_b)^(-1/2)`, which repairs what rounding and the operators left out took from the trace.
fn complete(kraus: Vec<Matrix>) -> Option<Vec<Matrix>> {
    let root = hermitian_function(&completeness(&kraus), |value| value.powf(-0.5).into())?;
    Some(kraus.iter().map(|operator| multiply(operator, &root)).collect())
}

/// Gives all operators of a cluster its largest bound, so that they are pruned together.
fn level(mut bounds: Vec<f64>, eigen: &[Eigen]) -> Vec<f64> {
    for cluster in clusters(eigen) {
        let largest = bounds[cluster.clone()].iter().copied().fold(0.0, f64::max);
        bounds[cluster].fill(largest);
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::super::{completeness_defect, reset};
    use super::*;
    use crate::linalg::identity;

    fn named(name: &str, parameters: &[f64]) -> Channel {
        Channel::named(name, parameters).unwrap()
    }

    fn rotation(angle: f64) -> Matrix {
        let (sine, cosine) = angle.sin_cos();
        Matrix::from_shape_vec((2, 2), [cosine, -sine, sine, cosine].map(Complex64::from).to_vec()).unwrap()
    }

    /// The largest entry of the difference of the two Choi matrices.
    fn difference(channel: &Channel, operators: &[Matrix]) -> f64 {
        let unit = identity(1 << channel.qubits());
        let [one, other] = [channel.kraus(), operators].map(|kraus| chi(&superoperator(kraus), &unit));
        (one - other).iter().map(|entry| entry.norm()).fold(0.0, f64::max)
    }

    fn products(first: &Channel, second: &Channel) -> Vec<Matrix> {
        second.kraus().iter().flat_map(|b| first.kraus().iter().map(move |a| multiply(b, a))).collect()
    }

    fn check(first: &Channel, second: &Channel) -> Channel {
        let strongest = multiply(second.strongest(), first.strongest());
        let of_all = superoperator(&products(first, second));
        let channel = canonical(first.qubits(), &of_all, &strongest).unwrap();
        assert!(difference(&channel, &products(first, second)) < 5e-15);
        assert!(completeness_defect(channel.kraus()) < 2e-15);
        assert!(channel.bounds().windows(2).all(|pair| pair[0] >= pair[1] * (1.0 - 1e-9)));
        for (operator, bound) in channel.kraus().iter().zip(channel.bounds()) {
            assert!(spectral_norm(operator).powi(2) <= bound * (1.0 + 1e-12));
        }
        channel
    }

    #[test]
    fn pauli_noise_around_a_rotation_stays_pauli_noise() {
        let noise = named("depolarizing", &[0.01]).followed_by(&rotation(0.3));
        let channel = check(&noise, &named("depolarizing", &[0.02]));
        assert_eq!(channel.kraus().len(), 4);
        let p = 0.01 + 0.02 - 4.0 / 3.0 * 0.01 * 0.02;
        for bound in &channel.bounds()[1..] {
            assert!((bound - p / 3.0).abs() < 1e-16, "the smallest possible bound, not {bound}");
        }
    }

    #[test]
    fn noise_on_two_qubits_around_an_entangling_gate() {
        let mut flip = identity(4);
        [(1, 1, 0.0), (3, 3, 0.0), (1, 3, 1.0), (3, 1, 1.0)].iter().for_each(|(r, c, v)| flip[(*r, *c)] = (*v).into());
        let rotations = kronecker(&rotation(0.7), &rotation(1.1));
        let one = named("depolarizing", &[1e-3]);
        let both = check(&one.embedded(2, &[0]), &one.embedded(2, &[1])).preceded_by(&rotations).followed_by(&flip);
        let channel = check(&both, &check(&one.embedded(2, &[0]), &one.embedded(2, &[1])));
        assert_eq!(channel.kraus().len(), 16);
        // To first order 12 Pauli errors of p/3; two of them agree with two others behind the gate.
        let at = |weight: f64| channel.bounds().iter().filter(|bound| (*bound / weight - 1.0).abs() < 0.05).count();
        assert_eq!((at(2e-3 / 3.0), at(1e-3 / 3.0)), (2, 8));
    }

    #[test]
    fn damping_is_composed_as_the_formula_says() {
        let channel = check(&named("amplitude_damping", &[0.1]), &named("amplitude_damping", &[0.2]));
        assert_eq!(channel.kraus().len(), 2);
        assert!(difference(&channel, named("amplitude_damping", &[0.28]).kraus()) < 1e-15);
        let mixed =
            check(&named("amplitude_damping", &[0.1]).followed_by(&rotation(0.4)), &named("phase_damping", &[0.3]));
        assert_eq!(mixed.kraus().len(), 4);
    }

    #[test]
    fn a_reset_after_a_reset_is_one() {
        let channel = check(&reset(), &reset());
        assert_eq!(channel.kraus().len(), 2);
        assert!(difference(&channel, reset().kraus()) < 1e-15);
    }

    #[test]
    fn strong_channels_on_two_qubits_are_left_apart() {
        let [low, high] = [0, 1].map(|place| reset().embedded(2, &[place]));
        assert!(low.then(&high).is_none());
        assert!(low.then(&low).is_some());
        let [low, high] = [0, 1].map(|place| named("depolarizing", &[1e-3]).embedded(2, &[place]));
        assert!(low.then(&high).is_some());
    }

    #[test]
    fn equal_weights_give_the_same_operators_whatever_rounding_does() {
        let noise = named("two_qubit_depolarizing", &[0.01]);
        let turned = |angle| noise.followed_by(&kronecker(&rotation(angle), &rotation(-angle)));
        let (one, other) = (check(&turned(0.3), &noise), check(&turned(0.3 + 1e-15), &noise));
        for (a, b) in one.kraus().iter().zip(other.kraus()) {
            assert!((a - b).iter().all(|entry| entry.norm() < 1e-12));
        }
        assert!(one.bounds()[1..].iter().all(|bound| *bound == one.bounds()[1]));
    }
}
