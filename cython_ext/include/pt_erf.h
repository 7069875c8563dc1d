/* The error function and the normal distribution function. */
#ifndef PT_ERF_H
#define PT_ERF_H

#include "pt_elementary.h"

PT_FN double pt_erf(double x) {
    return erf(x);
}

PT_FN double pt_erfc(double x) {
    return erfc(x);
}

PT_FN double pt_ndtr(double x) {
    return 0.5 * erfc(-0.7071067811865476 * x);
}

#endif
