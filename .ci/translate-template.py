"""Translates the SAM template to plain CloudFormation, as a deployment does, and so finds what cfn-lint does not look at.

usage: translate-template.py TEMPLATE OUTPUT   (no network, no credentials)
"""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")

from cfnlint.decode import cfn_yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

source, output = sys.argv[1:]
template = json.loads(json.dumps(cfn_yaml.load(source)))
# `sam deploy` uploads the built programs, and puts their addresses here
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://a-bucket/a-program"
translated = Translator({}, Parser()).translate(template, {})
with open(output, "w") as file:
    json.dump(translated, file, indent=1)
print(f"{len(translated['Resources'])} resources")
