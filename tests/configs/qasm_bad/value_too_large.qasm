// expect: does not fit its type `uint`
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; uint[4] n = 15;
n += 1;
