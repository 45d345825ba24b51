process CHECK {
    tag "${scans ? 'scans' : 'parameters'}"
    label 'cohort'

    input:
    // Options of check.py and the files behind them. It opens these where the user keeps them; they are staged so that
    // a changed image is checked again and that containers see its folder
    tuple val(scans), path(scan_files, stageAs: 'scans/?/*')
    tuple val(model), path(model_files, stageAs: 'model/?/*')
    tuple val(embedding), path(embedding_files, stageAs: 'embedding/?/*')
    tuple val(weights), path(weights_files, stageAs: 'weights/?/*')
    tuple val(atlas), path(atlas_files, stageAs: 'atlas/?/*')
    tuple val(atlas_names), path(atlas_names_files, stageAs: 'atlas_names/?/*')
    val parameters
    path schema
    val code

    output:
    path 'problems.txt', emit: problems
    path 'samplesheet.csv', emit: samplesheet, optional: true
    path 'rows.csv', emit: rows, optional: true
    path 'conform.json', emit: conform, optional: true
    path 'cubes.txt', emit: cubes, optional: true
    path 'parameters.json', emit: parameters
    path '{split,inputs}.csv', emit: manifests, optional: true
    path 'versions.json', emit: versions, optional: true
    path 'warnings.txt', emit: warnings, optional: true
    path 'skipped.csv', emit: skipped, optional: true
    path 'pseudonyms.csv', emit: pseudonyms, optional: true

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    cat > parameters.json <<'END_OF_PARAMETERS'
    ${parameters}
    END_OF_PARAMETERS
    'check.py' ${scans} ${model} ${embedding} ${weights} ${atlas} ${atlas_names} --parameters parameters.json --schema ${schema} \\
        --workers ${task.cpus} --problems problems.txt --out .
    """

    stub:
    """
    'check.py' --help > /dev/null
    touch problems.txt warnings.txt cubes.txt inputs.csv versions.json
    echo '{}' > parameters.json
    echo '{"size": 128, "slice_range": [0.35, 0.75], "fov": 192.0, "steps": {"strip": "auto", "bias": true, "register": true}}' > conform.json
    echo scan,subject,image,label,split,mask,brain,age,sex,site,control > samplesheet.csv
    # Any file that is there as long as the project is: what lies in this folder is gone after a task in scratch
    for split in train val test; do
        control=\$([ \$split = train ] && echo no || echo yes)
        echo "\$split-1,\$split-1,\$(readlink -f ${schema}),CN,\$split,,,,,,\$control" >> samplesheet.csv
    done
    cp samplesheet.csv rows.csv
    cut -d, -f1,2,4,5 samplesheet.csv > split.csv
    """
}
