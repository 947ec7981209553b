// expect: belongs to OpenQASM 3
// line: 4
OPENQASM 2.0;
include "stdgates.inc";
