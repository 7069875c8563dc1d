"""A device made of host memory, and a stand-in for NVIDIA's driver: for tests without a GPU."""
