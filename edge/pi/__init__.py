"""RepSight as an appliance on a Raspberry Pi: services that start with it, its screen, and what it may lack."""
