"""RepSight as an appliance on a Raspberry Pi: services that start with it, a full-screen browser, and what may be missing."""
