"""Pages of the RIS, and what every app's pages share: how names, times, statuses and data sets are shown."""
