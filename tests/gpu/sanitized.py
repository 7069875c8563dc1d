"""`python -m tests.gpu.sanitized`: golden models under AddressSanitizer and UBSan, on the host.

Device memory has exactly the size that was asked for, so a read or write past an array, and shared
memory that is left, stop the process with the kernel's line.
"""

import numpy as np

from probtensor import device
from probtensor.targets.cuda.launches import CudaTarget
from tests.device.host import HostDriver
from tests.models.programs import MODELS, SIZES, arrays_of, plan_of
from tests.plans import interpret, run


def main():
    """Run every model at its second size (or only one)."""
    device.use(HostDriver(sanitize=True))
    for model in MODELS:
        plan = plan_of(model)
        sizes = SIZES[model.__name__][:2][-1]
        arrays = arrays_of(plan, sizes, np.random.default_rng(5))
        found = run(CudaTarget(), plan, arrays)
        for one, other in zip(found, interpret(plan, arrays), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)
    print("sanitized:", len(MODELS))


if __name__ == "__main__":
    main()
