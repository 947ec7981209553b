// expect: expected a gate
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
ctrl @ ;
