// expect: does not say its version
qreg q[2];
