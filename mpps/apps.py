from django.apps import AppConfig


class MppsConfig(AppConfig):
    name = "mpps"

    def ready(self) -> None:
        from mpps import auditing, following, reasons  # noqa: F401  # registers whose records performed steps are

        following.subscribe()
        reasons.reasons()  # a hospital's own file that is wrong stops the start, not an exam
