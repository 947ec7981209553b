// expect: `switch` is not supported
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q; int i = 1;
switch (i) { }
