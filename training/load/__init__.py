"""A load of any size: a believable hospital's worklist, planned without double bookings and written in bulk."""
