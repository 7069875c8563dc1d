/* Trigonometric functions of double precision. */
#ifndef PT_TRIG_H
#define PT_TRIG_H

#include "pt_base.h"

PT_FN double pt_sin(double x) {
    return sin(x);
}

PT_FN double pt_cos(double x) {
    return cos(x);
}

PT_FN double pt_tan(double x) {
    return tan(x);
}

PT_FN double pt_asin(double x) {
    return asin(x);
}

PT_FN double pt_acos(double x) {
    return acos(x);
}

PT_FN double pt_atan(double x) {
    return atan(x);
}

PT_FN double pt_atan2(double y, double x) {
    return atan2(y, x);
}

#endif
