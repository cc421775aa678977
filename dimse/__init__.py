from pydicom import config as pydicom_config

# What a peer sends is read as it is, by an SCP and by an SCU; whether a value is good is for the services to say, in statuses.
# pydicom's own opinion would come as Python warnings from wherever a value is first touched.
pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE
