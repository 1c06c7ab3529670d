# One image for web, worker and beat.
FROM python:3.11-slim-trixie
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data PATH=/app/.venv/bin:$PATH
RUN useradd --create-home --uid 10001 rotabook && mkdir /data /app && chown rotabook /data /app
WORKDIR /app
COPY --chown=rotabook requirements.lock ./
USER rotabook
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY --chown=rotabook . .
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--workers", "2", "config.wsgi:application"]
