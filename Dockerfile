# One image for every process of Stepwise; docker-compose.yml says which command each runs.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    RIS_DATA_DIR=/data \
    RIS_BIND=0.0.0.0 \
    RIS_DICOM_BIND=0.0.0.0

# /data belongs to the user before it becomes a volume: a new named volume takes its owner from here.
RUN useradd --system --uid 10001 --no-create-home --home-dir /data stepwise \
    && install --directory --owner=stepwise --group=stepwise --mode=0750 /data

WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN pip install -r requirements.txt -c constraints.txt
COPY . .
RUN python -m compileall -q /app

USER stepwise
VOLUME /data
EXPOSE 8000 11112

# The web process speaks for all: database, Redis, worker and DICOM port.
HEALTHCHECK --interval=15s --timeout=10s --start-period=40s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=8)"]

CMD ["gunicorn", "--config", "stepwise/web_process.py", "--bind", "0.0.0.0:8000"]
