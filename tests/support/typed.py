"""Manifests against the types of Kubernetes and of the operators: TypeScript refuses what they do not know."""
import json
import pathlib
import subprocess
import tempfile

import lab

PLACE = lab.ROOT / "build" / "kubernetes-types"
TSC = PLACE / "node_modules" / "typescript" / "bin" / "tsc"
OF_OPERATORS = {"monitoring.coreos.com": "prometheus-operator", "cert-manager.io": "cert-manager",
                "external-secrets.io": "external-secrets", "gateway.networking.k8s.io": "gateway-api"}


def module(manifest):
    """Where the type of a manifest is, below node_modules."""
    group = manifest["apiVersion"].partition("/")[0] if "/" in manifest["apiVersion"] else ""
    package = f"@kubernetes-models/{OF_OPERATORS[group]}" if group in OF_OPERATORS else "kubernetes-models"
    return f"{package}/{manifest['apiVersion']}/{manifest['kind']}.js"


def check(manifests, wrong):
    """What the compiler says of {name: manifest}: nothing if all is well. Of each in `wrong` it has to complain, too."""
    lines = []
    for number, (name, manifest, expected) in enumerate([(*one, "") for one in manifests.items()] +
                                                        [(*one, "// @ts-expect-error\n") for one in wrong.items()]):
        kind = manifest["kind"]
        if not (PLACE / "node_modules" / module(manifest)).exists():
            return f"{name}: {manifest['apiVersion']} has no {kind}"
        lines.append(f"import type {{ I{kind} as T{number} }} from '{module(manifest)[:-3]}';")
        lines.append(f"// {name}\n{expected}export const m{number}: T{number} = {json.dumps(manifest)};")
    # Beside the packages, for the compiler to find them; each run has a directory of its own.
    with tempfile.TemporaryDirectory(dir=PLACE, prefix="manifests-") as place:
        file = pathlib.Path(place) / "manifests.ts"
        file.write_text("\n".join(lines), encoding="utf-8")
        (file.with_name("tsconfig.json")).write_text(json.dumps({"files": [file.name], "compilerOptions": {
            "noEmit": True, "strict": True, "skipLibCheck": True, "target": "es2022", "module": "esnext",
            "moduleResolution": "bundler", "types": []}}), encoding="utf-8")
        done = subprocess.run(["node", TSC, "--project", place],
                              capture_output=True, text=True, timeout=500, check=False)
    return done.stdout + done.stderr
