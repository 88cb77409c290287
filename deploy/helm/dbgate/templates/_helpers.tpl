{{- define "dbgate.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "dbgate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 58 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "dbgate.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 58 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 58 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "dbgate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dbgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dbgate.labels" -}}
{{ include "dbgate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "dbgate.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "dbgate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "dbgate.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "dbgate.configMapName" -}}
{{- .Values.existingConfigMap | default (include "dbgate.fullname" .) -}}
{{- end -}}

{{- define "dbgate.secretName" -}}
{{- .Values.secrets.existingSecret | default (ternary (include "dbgate.fullname" .) "" .Values.secrets.externalSecret.enabled) -}}
{{- end -}}

{{- define "dbgate.tlsSecretName" -}}
{{- .Values.tls.existingSecret | default (ternary (printf "%s-tls" (include "dbgate.fullname" .)) "" .Values.tls.certManager.enabled) -}}
{{- end -}}

{{- /* The text of gateway.yaml: with the drain that the grace period is made of. */ -}}
{{- define "dbgate.config" -}}
{{- if kindIs "string" .Values.config -}}
{{- .Values.config -}}
{{- else -}}
{{- if hasKey .Values.config "drain" -}}
{{- fail "config.drain: set drain.minDelay and drain.timeout of the chart instead; the grace period is made of them" -}}
{{- end -}}
{{- $drain := dict "min_delay" (printf "%ds" (int .Values.drain.minDelay)) "timeout" (printf "%ds" (int .Values.drain.timeout)) -}}
{{- toYaml (merge (dict "drain" $drain) .Values.config) -}}
{{- end -}}
{{- end -}}

{{- /* What would render and not work. */ -}}
{{- define "dbgate.check" -}}
{{- if and .Values.config .Values.existingConfigMap -}}
{{- fail "config and existingConfigMap: set one of them" -}}
{{- end -}}
{{- if not (or .Values.config .Values.existingConfigMap) -}}
{{- fail "config: the gateway needs a configuration; see docs/deployment-kubernetes.md, or set existingConfigMap" -}}
{{- end -}}
{{- if and .Values.persistence.enabled (ne .Values.mode "statefulset") -}}
{{- fail "persistence.enabled: pods cannot share the volume of an audit log; set mode: statefulset" -}}
{{- end -}}
{{- if and .Values.secrets.existingSecret .Values.secrets.externalSecret.enabled -}}
{{- fail "secrets: set existingSecret or externalSecret.enabled, not both" -}}
{{- end -}}
{{- if and .Values.tls.existingSecret .Values.tls.certManager.enabled -}}
{{- fail "tls: set existingSecret or certManager.enabled, not both" -}}
{{- end -}}
{{- if and .Values.ops.serviceMonitor.enabled .Values.ops.podMonitor.enabled -}}
{{- fail "ops: serviceMonitor and podMonitor would count everything twice; enable one" -}}
{{- end -}}
{{- if and (kindIs "map" .Values.config) (or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1)) -}}
{{- if and .Values.config (not (hasPrefix "postgresql://" (dig "store" "url" "" .Values.config))) -}}
{{- fail "replicaCount: several gateways need a store that they share; set config.store.url to postgresql://…" -}}
{{- end -}}
{{- end -}}
{{- end -}}
