// expect: `array` is not supported
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
array[int, 3] a;
