functions {
  vector slope(real t, vector z, vector q) {
    return [(q[1] - q[2] * z[2]) * z[1], (q[4] * z[1] - q[3]) * z[2]]';
  }
}
data {
  int N;
  array[N] real ts;
  matrix[N, 2] y;
}
parameters {
  vector[6] q;
}
model {
  array[N] vector[2] z = ode_rk45_tol(slope, q[5:6], 0.0, ts, 1e-6, 1e-6, 10000, q);
  for (n in 1:N) {
    target += -square(y[n, 1] - log(z[n][1])) - square(y[n, 2] - log(z[n][2]));
  }
}
