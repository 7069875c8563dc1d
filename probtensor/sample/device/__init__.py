"""Many chains on a device.

    run.py         from settings to draws
    chains.py      chains that live on the device: their memory and launches
    layout.py      the structures that host and kernels share
"""
