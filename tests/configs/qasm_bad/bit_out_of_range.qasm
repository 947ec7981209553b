// expect: index 2 is out of range: `c` has 2 bit(s)
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; bit[2] c;
c[2] = measure q;
