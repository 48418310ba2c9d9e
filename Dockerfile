# The image of web, worker, scheduler and migrations; compose.yaml starts it with different commands.
FROM python:3.12-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    DJANGO_SETTINGS_MODULE=config.settings.production

WORKDIR /srv/shuke

# The lock alone first: it changes less often than the code, and this layer is then taken from the cache.
COPY requirements/base.txt requirements/base.txt
RUN pip install --no-deps --require-hashes -r requirements/base.txt

COPY . .
# collectstatic loads the settings, but needs neither real secrets nor a database.
RUN python -m compileall -q . \
    && useradd --system --no-create-home --home-dir /nonexistent shuke \
    && mkdir -p var/media var/static /run/metrics \
    && SECRET_KEY=only-while-the-image-is-built ALLOWED_HOSTS=localhost DATABASE_URL=postgresql:///none \
       python manage.py collectstatic --noinput --verbosity 0 \
    && chown -R shuke var/media /run/metrics

USER shuke
EXPOSE 8000
CMD ["gunicorn", "config.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "3", \
     "--worker-class", "config.web_worker.Worker", "--threads", "2", "--timeout", "60", "--graceful-timeout", "25", \
     "--max-requests", "5000", "--max-requests-jitter", "500", \
     "--no-control-socket", "--worker-tmp-dir", "/dev/shm"]
