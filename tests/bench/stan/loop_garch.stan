data {
  int T;
  vector[T] y;
  real h0;
}
parameters {
  vector[4] q;
}
model {
  real h = h0;
  for (t in 1:T) {
    target += -0.5 * log(h) - 0.5 * square(y[t] - q[1]) / h;
    h = q[2] + q[3] * square(y[t] - q[1]) + q[4] * h;
  }
}
