// expect: gate `gphase` takes 0 qubit(s), 1 given
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
gphase(0.1) q;
